/*
 * A DICOM server that does what real ones do on bad days, for tests.
 *
 *	fault-scp ADDRESS FAULT... [FILE...]
 *
 * It serves the FILEs by C-FIND and C-GET, or made-up studies, on a free port
 *of the loopback that it writes to the file ADDRESS as
 *dicom://FAULT@127.0.0.1:PORT. FAULTs, each KEY=VALUE:
 *
 *	get=STATUS	answer C-GET and C-MOVE with it (hex), sending nothing
 *	half=STATUS	send the first half of what was asked for, then STATUS
 *	find=STATUS	answer C-FIND with it
 *	drop=N		close the connection before object N (of each
 *association) cut=N		close it in the middle of object N
 *	reject=calling|called|busy	refuse associations
 *	move=PORT	do C-MOVE, to there on the loopback
 *	lists=no	know no lists of UIDs
 *	other=yes	send the first file, whatever was asked for
 *	studies=N	N made-up studies: three days, all kinds of times
 *	cap=N		give N answers at most
 *	capped=STATUS	and then say so; 0000: as if that were all
 *	log=FILE	append a line for each request
 */
#include "dcmtk/config/osconfig.h"

#include "dcmtk/dcmdata/dctk.h"
#include "dcmtk/dcmnet/dcmtrans.h"
#include "dcmtk/dcmnet/dimse.h"
#include "dcmtk/oflog/oflog.h"

#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <netinet/in.h>
#include <set>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

static std::map<std::string, std::string> fault;
static std::vector<std::string> files;
static std::mutex one; /* DcmFileFormat and the log */

struct Row {
	std::map<std::string, std::string> key;
	std::string file;
};
static std::vector<Row> rows;

static bool
has(const char *key)
{
	return fault.count(key) > 0;
}

static unsigned
hex(const char *key)
{
	return unsigned(strtoul(fault[key].c_str(), nullptr, 16));
}

static void
say(const std::string &line)
{
	std::lock_guard<std::mutex> hold(one);
	FILE *f = has("log") ? fopen(fault["log"].c_str(), "a") : nullptr;

	if (f != nullptr) {
		fprintf(f, "%s\n", line.c_str());
		fclose(f);
	}
}

static const struct {
	const char *name;
	DcmTagKey tag;
} columns[] = { { "study", DCM_StudyInstanceUID },
	{ "series", DCM_SeriesInstanceUID }, { "sop", DCM_SOPInstanceUID },
	{ "class", DCM_SOPClassUID }, { "date", DCM_StudyDate },
	{ "time", DCM_StudyTime }, { "modality", DCM_Modality },
	{ "modalities", DCM_ModalitiesInStudy } };

static void
load(const std::string &file)
{
	DcmFileFormat ff;
	Row r;

	if (ff.loadFile(file.c_str()).bad())
		exit(2);
	for (auto &c : columns) {
		OFString v;

		ff.getDataset()->findAndGetOFString(c.tag, v);
		r.key[c.name] = v.c_str();
	}
	r.key["modalities"] = r.key["modality"];
	r.file = file;
	rows.push_back(r);
}

/* Times as they are found: short, with fractions, none. */
static void
invent(int n)
{
	static const char *const times[] = { "000000", "", "12", "1200",
		"120000", "115959.5", "235959.999999", "0930", "173005",
		"093001.25" };
	static const char *const mods[] = { "CT", "MR", "CR", "SR" };

	for (int i = 0; i < n; i++) {
		Row r;

		r.key["study"] = "1.2.9." + std::to_string(i + 1);
		r.key["series"] = r.key["study"] + ".1";
		r.key["sop"] = r.key["study"] + ".1.1";
		r.key["class"] = UID_CTImageStorage;
		r.key["date"] = "2026010" + std::to_string(1 + i % 3);
		r.key["time"] = has("same") ? "000000" : times[i / 3 % 10];
		r.key["modality"] = r.key["modalities"] =
		    has("odd") && i == 0 ? "ZZ" : mods[i / 7 % 4];
		rows.push_back(r);
	}
}

/* As simple servers do: ranges compare text, lists are exact. */
static bool
matches(const std::string &asked, const std::string &value, bool range)
{
	const size_t dash = asked.find('-');

	if (asked.empty() || asked == "*")
		return true;
	if (range && dash != std::string::npos) {
		const std::string a = asked.substr(0, dash),
				  b = asked.substr(dash + 1);

		return !value.empty() && (a.empty() || value >= a) &&
		       (b.empty() || value <= b);
	}
	for (size_t i = 0; i <= asked.size();) {
		const size_t j = asked.find('\\', i);

		if (asked.substr(i, j == std::string::npos ? j : j - i) ==
		    value)
			return !(has("lists") && j + i != std::string::npos &&
				 asked.find('\\') != std::string::npos);
		if (j == std::string::npos)
			break;
		i = j + 1;
	}
	return false;
}

static std::vector<Row>
select(DcmDataset *q, std::string &level)
{
	std::vector<Row> out;
	std::set<std::string> seen;
	OFString l;

	q->findAndGetOFString(DCM_QueryRetrieveLevel, l);
	level = l.c_str();
	for (auto &r : rows) {
		bool ok = true;

		for (auto &c : columns) {
			OFString v;

			q->findAndGetOFStringArray(c.tag, v);
			if (!matches(v.c_str(), r.key[c.name],
				std::string(c.name) == "date" ||
				    std::string(c.name) == "time"))
				ok = false;
		}
		if (ok && seen.insert(level == "STUDY"    ? r.key["study"]
				      : level == "SERIES" ? r.key["series"]
							  : r.key["sop"])
			      .second)
			out.push_back(r);
	}
	return out;
}

static void
answer_find(T_ASC_Association *a, T_ASC_PresentationContextID id,
    T_DIMSE_C_FindRQ &rq, DcmDataset *q)
{
	T_DIMSE_C_FindRSP rsp = {};
	std::string level;
	unsigned n = 0, last = has("find") ? hex("find") : 0;

	rsp.MessageIDBeingRespondedTo = rq.MessageID;
	rsp.DimseStatus = STATUS_Pending;
	for (auto &r : select(q, level)) {
		DcmDataset d;

		if (has("find"))
			break;
		if (has("cap") && n == unsigned(atoi(fault["cap"].c_str()))) {
			last = hex("capped");
			break;
		}
		n++;
		d.putAndInsertString(DCM_QueryRetrieveLevel, level.c_str());
		for (auto &c : columns)
			d.putAndInsertString(c.tag, r.key[c.name].c_str());
		rsp.DataSetType = DIMSE_DATASET_PRESENT;
		DIMSE_sendFindResponse(a, id, &rq, &rsp, &d, nullptr);
	}
	say("find " + level + " " + std::to_string(n));
	rsp.DimseStatus = Uint16(last);
	rsp.DataSetType = DIMSE_DATASET_NULL;
	DIMSE_sendFindResponse(a, id, &rq, &rsp, nullptr, nullptr);
}

struct Counter {
	int sent = 0;
};

[[noreturn]] static void
gone()
{
	throw 1;
}

/* Send one object over the association that asked; perhaps not all of it. */
static bool
send(T_ASC_Association *a, const Row &r, Counter &count)
{
	T_DIMSE_C_StoreRQ rq = {};
	T_DIMSE_C_StoreRSP rsp = {};
	DcmFileFormat ff;
	DcmDataset *detail = nullptr;
	const int at = ++count.sent;

	if (has("drop") && at == atoi(fault["drop"].c_str()))
		gone();
	ff.loadFile(r.file.c_str());
	DcmXfer x(ff.getDataset()->getOriginalXfer());
	const auto id = ASC_findAcceptedPresentationContextID(
	    a, r.key.at("class").c_str(), x.getXferID());
	if (id == 0)
		return false;
	rq.MessageID = a->nextMsgID++;
	OFStandard::strlcpy(rq.AffectedSOPClassUID, r.key.at("class").c_str(),
	    sizeof rq.AffectedSOPClassUID);
	OFStandard::strlcpy(rq.AffectedSOPInstanceUID, r.key.at("sop").c_str(),
	    sizeof rq.AffectedSOPInstanceUID);
	rq.DataSetType = DIMSE_DATASET_PRESENT;
	if (has("cut") && at == atoi(fault["cut"].c_str())) {
		/* a command, the head of a fragment, and no more */
		T_DIMSE_Message m = {};

		m.CommandField = DIMSE_C_STORE_RQ;
		m.msg.CStoreRQ = rq;
		DIMSE_sendMessageUsingMemoryData(
		    a, id, &m, nullptr, nullptr, nullptr, nullptr);
		std::vector<unsigned char> part(1006, 0);
		const unsigned char head[] = { 4, 0, 0, 0, 8, 0, 0, 0, 7, 252,
			Uint8(id), 0 };
		memcpy(part.data(), head, sizeof head);
		DUL_getTransportConnection(a->DULassociation)
		    ->write(part.data(), part.size());
		gone();
	}
	const OFCondition c =
	    DIMSE_storeUser(a, id, &rq, nullptr, ff.getDataset(), nullptr,
		nullptr, DIMSE_BLOCKING, 0, &rsp, &detail);
	delete detail;
	if (c.bad())
		gone();
	return rsp.DimseStatus == 0;
}

/* Send them over an association of our own; false: it was lost, or none. */
static bool
send_there(const std::vector<Row> &list, Counter &count, unsigned &done,
    unsigned &failed)
{
	const std::string to = "127.0.0.1:" + fault["move"];
	T_ASC_Network *net = nullptr;
	T_ASC_Parameters *p = nullptr;
	T_ASC_Association *b = nullptr;
	std::set<std::pair<std::string, std::string>> seen;
	bool well = true;
	int id = 1;

	ASC_initializeNetwork(NET_REQUESTOR, 0, 30, &net);
	ASC_createAssociationParameters(&p, 16384);
	ASC_setAPTitles(p, "FAULT", "MDM", nullptr);
	ASC_setPresentationAddresses(p, "localhost", to.c_str());
	for (auto &r : list) {
		DcmFileFormat ff;

		ff.loadFile(r.file.c_str());
		const DcmXfer x(ff.getDataset()->getOriginalXfer());
		const char *syntax = x.getXferID();
		if (!seen.insert({ r.key.at("class"), syntax }).second)
			continue;
		ASC_addPresentationContext(p, T_ASC_PresentationContextID(id),
		    r.key.at("class").c_str(), &syntax, 1);
		id += 2;
	}
	if (ASC_requestAssociation(net, p, &b).bad())
		return false;
	try {
		for (auto &r : list)
			if (send(b, r, count))
				done++;
			else
				failed++;
		ASC_releaseAssociation(b);
	} catch (int) {
		ASC_closeTransportConnection(b);
		well = false;
	}
	ASC_destroyAssociation(&b);
	ASC_dropNetwork(&net);
	return well;
}

static void
answer_get(T_ASC_Association *a, T_ASC_PresentationContextID id, Uint16 msg,
    const char *sop_class, DcmDataset *q, bool move, Counter &count)
{
	std::string level;
	std::vector<Row> list = select(q, level);
	unsigned last = 0, failed = 0, done = 0;

	say((move ? "move " : "get ") + level + " " +
	    std::to_string(list.size()));
	if (has("other") && !list.empty())
		list.assign(1, rows[0]);
	if (has("get") || (move && !has("move"))) {
		last = has("get") ? hex("get") : 0xa801;
		list.clear();
	}
	if (has("half")) {
		last = hex("half");
		failed = unsigned(list.size() - list.size() / 2);
		list.resize(list.size() / 2);
	}
	if (move && !list.empty()) {
		if (!send_there(list, count, done, failed))
			last = 0xa702;
		list.clear();
	}
	for (auto &r : list)
		if (send(a, r, count))
			done++;
		else
			failed++;
	if (failed > 0 && last == 0 && !has("half"))
		last = 0xb000;
	T_DIMSE_Message m = {};
	m.CommandField = move ? DIMSE_C_MOVE_RSP : DIMSE_C_GET_RSP;
	if (move) {
		auto &r = m.msg.CMoveRSP;
		r.MessageIDBeingRespondedTo = msg;
		r.DimseStatus = Uint16(last);
		r.DataSetType = DIMSE_DATASET_NULL;
		OFStandard::strlcpy(r.AffectedSOPClassUID, sop_class,
		    sizeof r.AffectedSOPClassUID);
		r.opts = O_MOVE_AFFECTEDSOPCLASSUID;
	} else {
		auto &r = m.msg.CGetRSP;
		r.MessageIDBeingRespondedTo = msg;
		r.DimseStatus = Uint16(last);
		r.DataSetType = DIMSE_DATASET_NULL;
		OFStandard::strlcpy(r.AffectedSOPClassUID, sop_class,
		    sizeof r.AffectedSOPClassUID);
		r.NumberOfCompletedSubOperations = Uint16(done);
		r.NumberOfFailedSubOperations = Uint16(failed);
		r.opts = O_GET_AFFECTEDSOPCLASSUID |
			 O_GET_NUMBEROFCOMPLETEDSUBOPERATIONS |
			 O_GET_NUMBEROFFAILEDSUBOPERATIONS;
	}
	DIMSE_sendMessageUsingMemoryData(
	    a, id, &m, nullptr, nullptr, nullptr, nullptr);
}

static void
serve(T_ASC_Association *a)
{
	Counter count;

	for (;;) {
		T_ASC_PresentationContextID id, data;
		T_DIMSE_Message m = {};
		DcmDataset *q = nullptr, *detail = nullptr;
		OFCondition c = DIMSE_receiveCommand(
		    a, DIMSE_BLOCKING, 0, &id, &m, &detail);

		delete detail;
		if (c == DUL_PEERREQUESTEDRELEASE) {
			ASC_acknowledgeRelease(a);
			return;
		}
		if (c.bad())
			return;
		if (DIMSE_receiveDataSetInMemory(
			a, DIMSE_BLOCKING, 0, &data, &q, nullptr, nullptr)
			.bad())
			return;
		if (m.CommandField == DIMSE_C_FIND_RQ)
			answer_find(a, id, m.msg.CFindRQ, q);
		else if (m.CommandField == DIMSE_C_GET_RQ)
			answer_get(a, id, m.msg.CGetRQ.MessageID,
			    m.msg.CGetRQ.AffectedSOPClassUID, q, false, count);
		else if (m.CommandField == DIMSE_C_MOVE_RQ)
			answer_get(a, id, m.msg.CMoveRQ.MessageID,
			    m.msg.CMoveRQ.AffectedSOPClassUID, q, true, count);
		delete q;
	}
}

static bool
accept(T_ASC_Association *a)
{
	T_ASC_RejectParameters r = { ASC_RESULT_REJECTEDPERMANENT,
		ASC_SOURCE_SERVICEUSER,
		ASC_REASON_SU_CALLINGAETITLENOTRECOGNIZED };

	if (has("reject")) {
		if (fault["reject"] == "called")
			r.reason = ASC_REASON_SU_CALLEDAETITLENOTRECOGNIZED;
		if (fault["reject"] == "busy")
			r = { ASC_RESULT_REJECTEDTRANSIENT,
				ASC_SOURCE_SERVICEPROVIDER_PRESENTATION_RELATED,
				ASC_REASON_SP_PRES_LOCALLIMITEXCEEDED };
		ASC_rejectAssociation(a, &r);
		return false;
	}
	const int n = ASC_countPresentationContexts(a->params);
	for (int i = 0; i < n; i++) {
		T_ASC_PresentationContext x;

		ASC_getPresentationContext(a->params, i, &x);
		ASC_acceptPresentationContext(a->params,
		    x.presentationContextID, x.proposedTransferSyntaxes[0],
		    x.proposedRole);
	}
	return ASC_acknowledgeAssociation(a).good();
}

static void
host(T_ASC_Association *a)
{
	try {
		if (accept(a))
			serve(a);
		ASC_dropSCPAssociation(a, 1);
	} catch (int) {
		ASC_closeTransportConnection(a);
	}
	ASC_destroyAssociation(&a);
}

int
main(int argc, char **argv)
{
	T_ASC_Network *net;
	struct sockaddr_in at = {};
	socklen_t n = sizeof at;

	OFLog::configure(OFLogger::OFF_LOG_LEVEL);
	dcmDisableGethostbyaddr.set(OFTrue);
	setenv("TCP_NODELAY", "1", 1);
	for (int i = 2; i < argc; i++) {
		const std::string s = argv[i];
		const size_t eq = s.find('=');

		if (eq != std::string::npos && s[0] != '/')
			fault[s.substr(0, eq)] = s.substr(eq + 1);
		else
			files.push_back(s);
	}
	for (auto &f : files)
		load(f);
	if (has("studies"))
		invent(atoi(fault["studies"].c_str()));
	const int fd = socket(AF_INET, SOCK_STREAM, 0);
	at.sin_family = AF_INET;
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, reinterpret_cast<sockaddr *>(&at), n) < 0 ||
	    listen(fd, 64) < 0)
		return 1;
	getsockname(fd, reinterpret_cast<sockaddr *>(&at), &n);
	/* DCMTK listens where it is told that it does already. */
	dcmExternalSocketHandle.set(fd);
	if (ASC_initializeNetwork(NET_ACCEPTOR, 0, 30, &net).bad())
		return 1;
	const std::string tmp = std::string(argv[1]) + ".new";
	FILE *f = fopen(tmp.c_str(), "w");
	fprintf(f, "dicom://FAULT@127.0.0.1:%u\n", ntohs(at.sin_port));
	fclose(f);
	rename(tmp.c_str(), argv[1]);
	for (;;) {
		T_ASC_Association *a = nullptr;
		const int s = accept(fd, nullptr, nullptr);

		dcmExternalSocketHandle.set(s);
		if (s >= 0 && ASC_receiveAssociation(net, &a, 131072).good())
			std::thread(host, a).detach();
	}
}
