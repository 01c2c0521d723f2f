#ifndef DIMSE_H
#define DIMSE_H

#include <stdbool.h>
#include <stddef.h>

#include "say.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The bridge to DCMTK's network: associations, asked for or answered, and the
 * fragments of messages that pass over them, as bytes.  What the bytes mean is
 * for dimsg.h (commands) and ident.h (identifiers) to say, so that nothing a
 * peer sends is parsed by code that recurses or grows without bound: a peer
 * makes us hold one PDU.
 *
 * An association belongs to one thread at a time; several may be used at once.
 * TCP_NODELAY is set on every connection: with it, a message that waits for an
 * answer is not held back.
 */

#define DIMSE_CONTEXTS 128 /* that an association can have */
#define DIMSE_SYNTAXES 64  /* that are looked at in one proposed context */
#define DIMSE_AE_MAX 16    /* bytes of an AE title */

struct dimse_conf {
	const char *host;      /* to connect to, or to listen at; or NULL */
	unsigned port;         /* 0: any that is free, to listen at */
	const char *ours;      /* AE titles */
	const char *theirs;    /* NULL when listening: anyone's */
	unsigned connect_time; /* seconds that a connection may take */
	unsigned time;         /* seconds that a peer may be silent */
	unsigned pdu;          /* bytes of the largest PDU we take */
	bool tls;              /* by the BCP 195 profile, both sides verified */
	const char *cert, *key; /* PEM files: ours */
	const char *ca;         /* PEM file: whom we trust */
	const char *name;       /* that the peer's certificate must have,
				   or NULL: host; "" for any */
};

/* Once, before threads.  Dies EXIT_BUG. */
void dimse_init(const struct dimse_conf *c);

struct dimse;     /* an association */
struct dimse_net; /* what associations are made with */

/* Read certificates and so on.  dimse_net_free(); NULL with *w. */
struct dimse_net *dimse_net_new(const struct dimse_conf *c, struct why *w);
void dimse_net_free(struct dimse_net *net);

/* A proposed context: number i of a list has the id 2i + 1. */
struct dimse_context {
	const char *abstract; /* SOP class */
	const char *const *syntax;
	int syntaxes;
	bool scp; /* we would be the one that the objects are sent to */
};

/*
 * Ask for an association.  NULL with *w: EXIT_FEW, nobody there; EXIT_DENIED,
 * refused (the AE title, our certificate, or theirs); EXIT_RETRY, refused for
 * now.
 */
struct dimse *dimse_open(struct dimse_net *net,
    const struct dimse_context *context, int contexts, struct why *w);

/* Listen.  The port in *port.  0 or -1 with *w. */
int dimse_listen(struct dimse_net *net, unsigned *port, struct why *w);

/* The listening socket: an association waits when it can be read. */
int dimse_listening(const struct dimse_net *net);

/* Take a connection: a socket, or -1 if there is none after all. */
int dimse_take(struct dimse_net *net);

/*
 * Answer who is at the socket, which is ours to close from now on.  choose is
 * asked for each proposed context: which of its n syntaxes, or -1 for none.
 * allowed is asked whether a calling AE title is.  NULL with *w.
 */
struct dimse *dimse_answer(struct dimse_net *net, int socket,
    int (*choose)(
	void *arg, const char *abstract, const char *const *syntax, int n),
    bool (*allowed)(void *arg, const char *calling), void *arg, struct why *w);

/* The calling AE title. */
const char *dimse_calling(const struct dimse *d);

/* Of an accepted context: its class and syntax.  NULL if id is not one. */
const char *dimse_abstract(const struct dimse *d, unsigned id);
const char *dimse_syntax(const struct dimse *d, unsigned id);

/* The first accepted context of that class, 0 if there is none. */
unsigned dimse_find_context(const struct dimse *d, const char *abstract);

/* A fragment of a message: data is valid until the next read. */
struct dimse_piece {
	unsigned context;
	bool command; /* not data set */
	bool last;    /* of the command, or of the data set */
	const void *data;
	size_t n;
};

/*
 * Wait for a fragment until the time is over: then, when patient, return
 * DIMSE_IDLE after every second if a new message has not begun.  1; 0: the peer
 * wants to end (dimse_end()); -1 with *w: lost.
 */
enum { DIMSE_IDLE = 2 };
int dimse_read(
    struct dimse *d, bool patient, struct dimse_piece *p, struct why *w);

/* Send a command, and the data set that follows it unless NULL. 0 or -1. */
int dimse_write(struct dimse *d, unsigned context, const void *command,
    size_t command_n, const void *data, size_t n, struct why *w);

/* Release the association, or acknowledge that the peer did, and free it. */
void dimse_end(struct dimse *d);

/* Abort and free it. */
void dimse_abort(struct dimse *d);

#ifdef __cplusplus
}
#endif

#endif
