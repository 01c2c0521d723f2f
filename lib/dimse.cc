#include "dcmtk/config/osconfig.h"

#include "dcmtk/dcmnet/assoc.h"
#include "dcmtk/dcmnet/dcmlayer.h"
#include "dcmtk/dcmnet/dcmtrans.h"
#include "dcmtk/dcmnet/dul.h"
#include "dcmtk/dcmtls/tlslayer.h"
#include "dcmtk/oflog/oflog.h"

#include <openssl/x509v3.h>

#include <arpa/inet.h>
#include <cstring>
#include <memory>
#include <mutex>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

#include "dimse.h"

struct dimse_net {
	struct dimse_conf conf;
	T_ASC_Network *net = nullptr;
	DcmTransportLayer *layer = nullptr;
	int listening = -1;
};

struct dimse {
	T_ASC_Association *assoc = nullptr;
	struct dimse_net *net = nullptr;
	bool asked = false;   /* the peer wants to end */
	bool waiting = false; /* in the middle of a message */
	std::string calling;
	T_ASC_PresentationContext context[256]; /* by id */
	bool accepted[256] = {};
};

namespace
{

int
no_memory(struct why *w)
{
	return why_set(w, EXIT_IO, "out of memory");
}

/*
 * DCMTK takes a connection that was accepted elsewhere from a global variable.
 * It is ours from when it is set until the layer below is given the socket.
 */
std::mutex handing;
thread_local bool handed;
thread_local bool connected; /* there was somebody */

void
hand(int socket)
{
	handing.lock();
	handed = true;
	dcmExternalSocketHandle.set(socket);
}

void
unhand(void)
{
	if (!handed)
		return;
	handed = false;
	dcmExternalSocketHandle.set(DCMNET_INVALID_SOCKET);
	handing.unlock();
}

void
no_delay(int socket)
{
	int one = 1;

	setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

template <class Layer> class Prompt : public Layer
{
      public:
	using Layer::Layer;
	DcmTransportConnection *
	createConnection(DcmNativeSocketType socket, OFBool secure) override
	{
		unhand();
		connected = true;
		no_delay(socket);
		return Layer::createConnection(socket, secure);
	}
};

int
tls_fail(struct why *w, const char *file, const OFCondition &c)
{
	(void)c;
	return why_set(
	    w, EXIT_IO, "%s: not readable, or not what it should be", file);
}

/*
 * TLS by the BCP 195 profile.  Only what ca holds is trusted, and a peer
 * without a certificate of it is not spoken to.
 */
DcmTransportLayer *
tls_layer(const struct dimse_conf *c, bool acceptor, struct why *w)
{
	std::unique_ptr<Prompt<DcmTLSTransportLayer>> l(
	    new Prompt<DcmTLSTransportLayer>(
		acceptor ? NET_ACCEPTOR : NET_REQUESTOR, nullptr, OFTrue));
	OFCondition r;

	l->setPrivateKeyPasswd(""); /* never ask the terminal */
	if ((r = l->setTLSProfile(TSP_Profile_BCP195)).bad() ||
	    (r = l->activateCipherSuites()).bad()) {
		why_set(w, EXIT_BUG, "TLS has no ciphers");
		return nullptr;
	}
	if ((r = l->setPrivateKeyFile(c->key, DCF_Filetype_PEM)).bad()) {
		tls_fail(w, c->key, r);
		return nullptr;
	}
	if ((r = l->setCertificateFile(c->cert, DCF_Filetype_PEM)).bad()) {
		tls_fail(w, c->cert, r);
		return nullptr;
	}
	if (!l->checkPrivateKeyMatchesCertificate()) {
		why_set(
		    w, EXIT_USAGE, "%s: not the key of %s", c->key, c->cert);
		return nullptr;
	}
	if ((r = l->addTrustedCertificateFile(c->ca, DCF_Filetype_PEM)).bad()) {
		tls_fail(w, c->ca, r);
		return nullptr;
	}
	l->setCertificateVerification(DCV_requireCertificate);
	return l.release();
}

/* The peer proved that it has the key; is it who we meant? */
bool
right_name(const struct dimse_conf *c, T_ASC_Association *assoc)
{
	const char *name = c->name ? c->name : c->host;
	const unsigned long n = ASC_getPeerCertificateLength(assoc);
	std::vector<unsigned char> der(n);
	const unsigned char *p = der.data();
	X509 *x;
	bool ok;

	if (*name == '\0')
		return true;
	if (n == 0 || ASC_getPeerCertificate(assoc, der.data(), n) != n ||
	    (x = d2i_X509(nullptr, &p, long(n))) == nullptr)
		return false;
	ok = X509_check_ip_asc(x, name, 0) == 1 ||
	     X509_check_host(x, name, 0, 0, nullptr) == 1;
	X509_free(x);
	return ok;
}

int
refused(T_ASC_Parameters *params, struct why *w)
{
	T_ASC_RejectParameters r = {};

	ASC_getRejectParameters(params, &r);
	if (r.reason == ASC_REASON_SU_CALLINGAETITLENOTRECOGNIZED)
		return why_set(
		    w, EXIT_DENIED, "the server refuses our AE title");
	if (r.reason == ASC_REASON_SU_CALLEDAETITLENOTRECOGNIZED)
		return why_set(w, EXIT_DENIED,
		    "the server does not have the AE title that we call");
	if (r.result == ASC_RESULT_REJECTEDTRANSIENT)
		return why_set(
		    w, EXIT_RETRY, "the server refuses an association for now");
	return why_set(w, EXIT_DENIED, "the server refuses an association");
}

int
not_there(const OFCondition &c, bool tls, struct why *w)
{
	if (tls && c.module() == OFM_dcmtls)
		return why_set(w, EXIT_DENIED,
		    "TLS fails: a certificate is not trusted, or not given");
	/* In TLS 1.3 a client hears of its refusal late, or never. */
	if (tls && connected && c != DUL_READTIMEOUT)
		return why_set(w, EXIT_DENIED,
		    "the server ends TLS: does it trust our certificate?");
	return why_set(w, EXIT_FEW, "no DICOM server answers there");
}

/* Remember what was agreed on. */
void
agreed(struct dimse *d)
{
	T_ASC_Parameters *params = d->assoc->params;
	const int n = ASC_countPresentationContexts(params);
	DIC_AE calling = "", called = "";

	for (int i = 0; i < n; i++) {
		T_ASC_PresentationContext x;

		if (ASC_getPresentationContext(params, i, &x).bad() ||
		    x.resultReason != ASC_P_ACCEPTANCE)
			continue;
		d->context[x.presentationContextID] = x;
		d->accepted[x.presentationContextID] = true;
	}
	if (ASC_getAPTitles(params, calling, sizeof calling, called,
		sizeof called, nullptr, 0)
		.good())
		d->calling = calling;
}

int
lost(const OFCondition &c, struct why *w)
{
	if (c == DUL_READTIMEOUT)
		return why_set(w, EXIT_FEW, "the peer is silent for too long");
	return why_set(w, EXIT_FEW, "the association was lost");
}

struct addrinfo *
address(const struct dimse_conf *c, struct why *w)
{
	struct addrinfo hints = {}, *list = nullptr;
	const std::string port = std::to_string(c->port);

	hints.ai_family = AF_UNSPEC;
	hints.ai_socktype = SOCK_STREAM;
	hints.ai_flags = AI_PASSIVE;
	if (getaddrinfo(c->host, port.c_str(), &hints, &list) != 0) {
		why_set(w, EXIT_USAGE, "%s: no such address", c->host);
		return nullptr;
	}
	return list;
}

int
listen_at(const struct addrinfo *a)
{
	int one = 1;
	int fd =
	    socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, 64) == 0)
		return fd;
	close(fd);
	return -1;
}

} // namespace

void
dimse_init(const struct dimse_conf *c)
{
	try {
		OFLog::configure(OFLogger::OFF_LOG_LEVEL);
		dcmDisableGethostbyaddr.set(OFTrue);
		dcmConnectionTimeout.set(Sint32(c->connect_time));
		dcmSocketSendTimeout.set(Sint32(c->time));
		dcmSocketReceiveTimeout.set(Sint32(c->time));
		dcmAssociatePDUSizeLimit.set(1 << 18);
	} catch (...) {
		die(EXIT_BUG, "DCMTK does not start");
	}
}

struct dimse_net *
dimse_net_new(const struct dimse_conf *c, struct why *w)
{
	try {
		std::unique_ptr<dimse_net> n(new dimse_net);
		const bool acceptor = c->theirs == nullptr;

		n->conf = *c;
		n->layer = c->tls ? tls_layer(c, acceptor, w)
				  : new Prompt<DcmTransportLayer>();
		if (n->layer == nullptr)
			return nullptr;
		/* As acceptor it would bind a port of every address. */
		if (acceptor)
			hand(-2);
		OFCondition r = ASC_initializeNetwork(
		    acceptor ? NET_ACCEPTOR : NET_REQUESTOR, 0, int(c->time),
		    &n->net);
		unhand();
		if (r.bad() ||
		    ASC_setTransportLayer(n->net, n->layer, 0).bad()) {
			why_set(w, EXIT_BUG, "DCMTK's network does not start");
			return nullptr;
		}
		return n.release();
	} catch (...) {
		unhand();
		no_memory(w);
		return nullptr;
	}
}

void
dimse_net_free(struct dimse_net *n)
{
	try {
		if (n == nullptr)
			return;
		ASC_dropNetwork(&n->net);
		if (n->listening >= 0)
			close(n->listening);
		delete n->layer;
		delete n;
	} catch (...) {
		die(EXIT_BUG, "DCMTK does not end");
	}
}

struct dimse *
dimse_open(struct dimse_net *net, const struct dimse_context *context,
    int contexts, struct why *w)
{
	const struct dimse_conf *c = &net->conf;
	T_ASC_Parameters *params = nullptr;
	std::unique_ptr<dimse> d;

	try {
		const std::string host =
		    c->host + (":" + std::to_string(c->port));
		OFCondition r;

		d.reset(new dimse);
		d->net = net;
		r = ASC_createAssociationParameters(&params, long(c->pdu));
		if (r.good())
			r = ASC_setAPTitles(
			    params, c->ours, c->theirs, nullptr);
		if (r.good())
			r = ASC_setTransportLayerType(params, c->tls);
		if (r.good())
			r = ASC_setPresentationAddresses(
			    params, "localhost", host.c_str());
		for (int i = 0; r.good() && i < contexts; i++)
			r = ASC_addPresentationContext(params,
			    T_ASC_PresentationContextID(2 * i + 1),
			    context[i].abstract,
			    const_cast<const char **>(context[i].syntax),
			    context[i].syntaxes,
			    context[i].scp ? ASC_SC_ROLE_SCP
					   : ASC_SC_ROLE_DEFAULT);
		if (r.bad()) {
			ASC_destroyAssociationParameters(&params);
			why_set(
			    w, EXIT_BUG, "an association cannot be asked for");
			return nullptr;
		}
		connected = false;
		r = ASC_requestAssociation(net->net, params, &d->assoc, nullptr,
		    nullptr, DUL_NOBLOCK, int(c->time));
		if (r.bad()) {
			if (r == DUL_ASSOCIATIONREJECTED)
				refused(params, w);
			else
				not_there(r, c->tls, w);
			if (d->assoc)
				ASC_destroyAssociation(&d->assoc);
			return nullptr;
		}
		agreed(d.get());
		if (c->tls && !right_name(c, d->assoc)) {
			dimse_abort(d.release());
			why_set(w, EXIT_DENIED,
			    "the server's certificate has another name");
			return nullptr;
		}
		return d.release();
	} catch (...) {
		no_memory(w);
		return nullptr;
	}
}

int
dimse_listen(struct dimse_net *net, unsigned *port, struct why *w)
{
	try {
		struct addrinfo *list = address(&net->conf, w), *a;
		struct sockaddr_storage s = {};
		socklen_t n = sizeof s;

		if (list == nullptr)
			return -1;
		for (a = list; a && net->listening < 0; a = a->ai_next)
			net->listening = listen_at(a);
		freeaddrinfo(list);
		if (net->listening < 0)
			return why_set(w, EXIT_IO, "port %u: cannot listen: %s",
			    net->conf.port, strerror(errno));
		getsockname(net->listening,
		    reinterpret_cast<struct sockaddr *>(&s), &n);
		*port =
		    ntohs(s.ss_family == AF_INET6
			      ? reinterpret_cast<sockaddr_in6 *>(&s)->sin6_port
			      : reinterpret_cast<sockaddr_in *>(&s)->sin_port);
		return 0;
	} catch (...) {
		return no_memory(w);
	}
}

int
dimse_listening(const struct dimse_net *net)
{
	return net->listening;
}

int
dimse_take(struct dimse_net *net)
{
	return accept4(net->listening, nullptr, nullptr, SOCK_CLOEXEC);
}

namespace
{

int
reject(T_ASC_Association *assoc, T_ASC_RejectParametersReason reason,
    const char *text, struct why *w)
{
	T_ASC_RejectParameters r = { ASC_RESULT_REJECTEDPERMANENT,
		ASC_SOURCE_SERVICEUSER, reason };

	ASC_rejectAssociation(assoc, &r);
	return why_set(w, EXIT_DENIED, "%s", text);
}

/* Say yes or no to each context that was proposed. */
void
negotiate(T_ASC_Parameters *params,
    int (*choose)(void *, const char *, const char *const *, int), void *arg)
{
	const int n = ASC_countPresentationContexts(params);

	for (int i = 0; i < n; i++) {
		const char *syntax[DIMSE_SYNTAXES];
		T_ASC_PresentationContext x;
		int k = 0, pick;

		if (ASC_getPresentationContext(params, i, &x).bad())
			continue;
		for (; k < x.transferSyntaxCount && k < DIMSE_SYNTAXES; k++)
			syntax[k] = x.proposedTransferSyntaxes[k];
		pick = choose(arg, x.abstractSyntax, syntax, k);
		if (pick >= 0)
			ASC_acceptPresentationContext(params,
			    x.presentationContextID, syntax[pick],
			    ASC_SC_ROLE_DEFAULT, OFTrue);
		else
			ASC_refusePresentationContext(params,
			    x.presentationContextID,
			    ASC_P_TRANSFERSYNTAXESNOTSUPPORTED);
	}
}

int
answer(struct dimse *d,
    int (*choose)(void *, const char *, const char *const *, int),
    bool (*allowed)(void *, const char *), void *arg, struct why *w)
{
	T_ASC_Parameters *params = d->assoc->params;
	const struct dimse_conf *c = &d->net->conf;
	DIC_AE calling = "", called = "";
	DIC_UI name = "";

	if (ASC_getAPTitles(params, calling, sizeof calling, called,
		sizeof called, nullptr, 0)
		.bad() ||
	    ASC_getApplicationContextName(params, name, sizeof name).bad() ||
	    strcmp(name, UID_StandardApplicationContext) != 0)
		return reject(d->assoc,
		    ASC_REASON_SU_APPCONTEXTNAMENOTSUPPORTED,
		    "a peer asked for something other than DICOM", w);
	if (c->ours && strcmp(called, c->ours) != 0)
		return reject(d->assoc,
		    ASC_REASON_SU_CALLEDAETITLENOTRECOGNIZED,
		    "a peer called an AE title that is not ours", w);
	if (!allowed(arg, calling))
		return reject(d->assoc,
		    ASC_REASON_SU_CALLINGAETITLENOTRECOGNIZED,
		    "a peer's AE title is not allowed", w);
	negotiate(params, choose, arg);
	if (ASC_acknowledgeAssociation(d->assoc).bad())
		return why_set(w, EXIT_FEW, "the association was lost");
	return 0;
}

} // namespace

struct dimse *
dimse_answer(struct dimse_net *net, int socket,
    int (*choose)(void *, const char *, const char *const *, int),
    bool (*allowed)(void *, const char *), void *arg, struct why *w)
{
	try {
		std::unique_ptr<dimse> d(new dimse);
		OFCondition r;

		d->net = net;
		hand(socket);
		r = ASC_receiveAssociation(net->net, &d->assoc,
		    long(net->conf.pdu), nullptr, nullptr, net->conf.tls,
		    DUL_NOBLOCK, int(net->conf.time));
		if (handed) { /* it never came to the layer */
			unhand();
			close(socket);
		}
		if (r.good() && answer(d.get(), choose, allowed, arg, w) == 0) {
			agreed(d.get());
			return d.release();
		}
		if (r.bad())
			why_set(w, EXIT_FEW,
			    "a peer connected and made no association");
		if (d->assoc != nullptr) {
			ASC_dropSCPAssociation(d->assoc, 1);
			ASC_destroyAssociation(&d->assoc);
		}
		return nullptr;
	} catch (...) {
		unhand();
		no_memory(w);
		return nullptr;
	}
}

const char *
dimse_calling(const struct dimse *d)
{
	return d->calling.c_str();
}

const char *
dimse_abstract(const struct dimse *d, unsigned id)
{
	return id < 256 && d->accepted[id] ? d->context[id].abstractSyntax
					   : nullptr;
}

const char *
dimse_syntax(const struct dimse *d, unsigned id)
{
	return id < 256 && d->accepted[id]
		   ? d->context[id].acceptedTransferSyntax
		   : nullptr;
}

unsigned
dimse_find_context(const struct dimse *d, const char *abstract)
{
	for (unsigned id = 1; id < 256; id += 2)
		if (d->accepted[id] &&
		    strcmp(d->context[id].abstractSyntax, abstract) == 0)
			return id;
	return 0;
}

int
dimse_read(struct dimse *d, bool patient, struct dimse_piece *p, struct why *w)
{
	try {
		DUL_PDV v = {};
		OFCondition r = DUL_NextPDV(&d->assoc->DULassociation, &v);

		if (r.bad()) {
			if (patient && !d->waiting &&
			    !ASC_dataWaiting(d->assoc, 1))
				return DIMSE_IDLE;
			r = DUL_ReadPDVs(&d->assoc->DULassociation, nullptr,
			    DUL_NOBLOCK, int(d->net->conf.time));
			if (r == DUL_PEERREQUESTEDRELEASE) {
				d->asked = true;
				return 0;
			}
			if (r != DUL_PDATAPDUARRIVED)
				return lost(r, w);
			r = DUL_NextPDV(&d->assoc->DULassociation, &v);
			if (r.bad())
				return lost(r, w);
		}
		p->context = v.presentationContextID;
		p->command = v.pdvType == DUL_COMMANDPDV;
		p->last = v.lastPDV;
		p->data = v.data;
		p->n = v.fragmentLength;
		d->waiting = !p->last;
		return 1;
	} catch (...) {
		return no_memory(w);
	}
}

namespace
{

/* In fragments of an even size, as large as the peer takes. */
OFCondition
send(struct dimse *d, unsigned context, DUL_DATAPDV type, const void *p,
    size_t n)
{
	const size_t most = (d->assoc->sendPDVLength - 12) & ~1ul;
	const char *at = static_cast<const char *>(p);
	OFCondition r = EC_Normal;

	do {
		const size_t k = n < most ? n : most;
		DUL_PDV v = {};
		DUL_PDVLIST list = {};

		v.fragmentLength = k;
		v.presentationContextID = static_cast<unsigned char>(context);
		v.pdvType = type;
		v.lastPDV = k == n;
		v.data = const_cast<char *>(at);
		list.count = 1;
		list.pdv = &v;
		r = DUL_WritePDVs(&d->assoc->DULassociation, &list);
		at += k;
		n -= k;
	} while (r.good() && n > 0);
	return r;
}

} // namespace

int
dimse_write(struct dimse *d, unsigned context, const void *command,
    size_t command_n, const void *data, size_t n, struct why *w)
{
	try {
		OFCondition r =
		    send(d, context, DUL_COMMANDPDV, command, command_n);

		if (r.good() && data != nullptr)
			r = send(d, context, DUL_DATASETPDV, data, n);
		return r.good() ? 0 : lost(r, w);
	} catch (...) {
		return no_memory(w);
	}
}

void
dimse_end(struct dimse *d)
{
	try {
		if (d == nullptr)
			return;
		if (d->asked) {
			ASC_acknowledgeRelease(d->assoc);
			ASC_dropSCPAssociation(d->assoc, 1);
		} else {
			ASC_releaseAssociation(d->assoc);
		}
		ASC_destroyAssociation(&d->assoc);
		delete d;
	} catch (...) {
		die(EXIT_BUG, "DCMTK does not end");
	}
}

void
dimse_abort(struct dimse *d)
{
	try {
		if (d == nullptr)
			return;
		ASC_abortAssociation(d->assoc);
		ASC_destroyAssociation(&d->assoc);
		delete d;
	} catch (...) {
		die(EXIT_BUG, "DCMTK does not end");
	}
}
