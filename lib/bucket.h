#ifndef BUCKET_H
#define BUCKET_H

/*
 * Token buckets: how fast each client may have things.  A client's bucket
 * holds burst tokens at most, fills at rate a second, and pays one for each
 * thing.  The memory is fixed; what is forgotten first is the bucket that is
 * nearest to full, which loses least.
 */
struct bucket;

/* Dies EXIT_IO when there is no memory.  rate and burst above 0. */
struct bucket *bucket_new(double rate, double burst);
void bucket_free(struct bucket *b);

/*
 * How many of n things this client may have, at the time now (seconds, never
 * going back); they are paid for.
 */
unsigned bucket_take(
    struct bucket *b, const char *client, unsigned n, double now);

/* The client gives n back: what was refused costs nothing. */
void bucket_give(struct bucket *b, const char *client, unsigned n, double now);

#endif
