#include "find.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const find_keys[FIND_KEYS] = { "body-part", "by", "modality",
	"profile", "pseudonym", "series", "study", "study-date", "name", "size",
	"status" };

/* ---- parsing ---- */

struct parser {
	struct find *f;
	const char *text, *at;
	char *out; /* the next free byte of f->text */
	int depth;
	struct why *w;
};

static int
wrong(struct parser *p, const char *what)
{
	return why_set(p->w, EXIT_USAGE, "at byte %ld: %s",
	    (long)(p->at - p->text) + 1, what);
}

static void
blanks(struct parser *p)
{
	p->at += strspn(p->at, " \t\n");
}

/* What ends a word that is not in quotes. */
#define ENDS " \t\n()=!<>~\"'"

/* Is the next word this one?  Then it is taken. */
static bool
word_is(struct parser *p, const char *word)
{
	size_t n = strlen(word);

	blanks(p);
	if (strcspn(p->at, ENDS) != n || strncmp(p->at, word, n) != 0)
		return false;
	p->at += n;
	return true;
}

static int
new_node(struct parser *p, int kind)
{
	if (p->f->nodes == FIND_NODES)
		return wrong(p, "too many tests");
	memset(&p->f->node[p->f->nodes], 0, sizeof *p->f->node);
	p->f->node[p->f->nodes].kind = kind;
	return p->f->nodes++;
}

/*
 * A value: pieces in quotes and without.  *dots: where it has a ".." that
 * stands outside of quotes, or NULL.
 */
static const char *
value(struct parser *p, char **dots)
{
	char *start = p->out;
	size_t n;

	*dots = NULL;
	blanks(p);
	while (*p->at != '\0') {
		if (*p->at == '"' || *p->at == '\'') {
			const char *end = strchr(p->at + 1, *p->at);

			if (end == NULL) {
				wrong(p, "a quote without its end");
				return NULL;
			}
			n = (size_t)(end - p->at - 1);
			memcpy(p->out, p->at + 1, n);
			p->out += n;
			p->at = end + 1;
		} else if (strncmp(p->at, "..", 2) == 0 && *dots == NULL) {
			*dots = p->out;
			*p->out++ = '\0'; /* one end of a range */
			p->at += 2;
		} else if ((n = strcspn(p->at, " \t\n()\"'.")) > 0 ||
			   *p->at == '.') {
			n = n > 0 ? n : 1;
			memcpy(p->out, p->at, n);
			p->out += n;
			p->at += n;
		} else
			break;
	}
	if (p->out == start) {
		wrong(p, "a value is missing");
		return NULL;
	}
	*p->out++ = '\0';
	return start;
}

static int
operator_of(struct parser *p, enum find_op *op, bool *negated)
{
	static const struct {
		const char *text;
		enum find_op op;
		bool negated;
	} ops[] = { { "!=", FIND_EQ, true }, { "<=", FIND_LE, false },
		{ ">=", FIND_GE, false }, { "!~", FIND_LIKE, true },
		{ "=", FIND_EQ, false }, { "<", FIND_LT, false },
		{ ">", FIND_GT, false }, { "~", FIND_LIKE, false } };
	size_t i;

	blanks(p);
	for (i = 0; i < sizeof ops / sizeof *ops; i++)
		if (strncmp(p->at, ops[i].text, strlen(ops[i].text)) == 0) {
			p->at += strlen(ops[i].text);
			*op = ops[i].op;
			*negated = ops[i].negated;
			return 0;
		}
	return wrong(p, "not one of = != < <= > >= ~ !~");
}

static bool
is_number(const char *s)
{
	size_t n = strlen(s);

	return n > 0 && n <= 18 && strspn(s, "0123456789") == n;
}

static int
check_numbers(struct parser *p, const struct find_node *t)
{
	if (t->key != FIND_SIZE)
		return 0;
	if (t->op == FIND_LIKE)
		return wrong(p, "size is a number, not a pattern");
	if ((t->value != NULL && !is_number(t->value)) ||
	    (t->to != NULL && !is_number(t->to)))
		return wrong(p, "size is not compared with a number");
	return 0;
}

/* KEY OP VALUE: the node, or -1. */
static int
test(struct parser *p)
{
	struct find_node t = { .kind = FIND_TEST };
	bool negated = false;
	char *dots;
	int key, n, outer;

	blanks(p);
	for (key = 0; key < FIND_KEYS; key++)
		if (word_is(p, find_keys[key]))
			break;
	if (key == FIND_KEYS)
		return wrong(p, "not a field that can be searched");
	t.key = (enum find_key)key;
	if (operator_of(p, &t.op, &negated) < 0 ||
	    (t.value = value(p, &dots)) == NULL)
		return -1;
	if (dots != NULL && t.op != FIND_EQ)
		return wrong(p, "a range goes with = or !=");
	if (dots != NULL) {
		t.op = FIND_RANGE;
		t.to = dots[1] ? dots + 1 : NULL;
		t.value = *t.value ? t.value : NULL;
		if (t.to == NULL && t.value == NULL)
			return wrong(p, "a range without ends");
	}
	if (check_numbers(p, &t) < 0 || (n = new_node(p, FIND_TEST)) < 0)
		return -1;
	p->f->node[n] = t;
	if (!negated)
		return n;
	if ((outer = new_node(p, FIND_NOT)) < 0)
		return -1;
	p->f->node[outer].left = n;
	return outer;
}

static int expression(struct parser *p);

static int
unary(struct parser *p)
{
	int n, inner;

	if (++p->depth > FIND_DEPTH)
		return wrong(p, "too deep");
	blanks(p);
	if (*p->at == '(') {
		p->at++;
		if ((n = expression(p)) < 0)
			return -1;
		blanks(p);
		if (*p->at != ')')
			return wrong(p, "a parenthesis without its end");
		p->at++;
	} else if (word_is(p, "not")) {
		if ((inner = unary(p)) < 0 || (n = new_node(p, FIND_NOT)) < 0)
			return -1;
		p->f->node[n].left = inner;
	} else
		n = test(p);
	p->depth--;
	return n;
}

/* Operands joined by a word: the tree leans to the left. */
static int
joined(struct parser *p, const char *word, int kind,
    int (*operand)(struct parser *))
{
	int left = operand(p), right, n;

	while (left >= 0 && word_is(p, word)) {
		if ((right = operand(p)) < 0 || (n = new_node(p, kind)) < 0)
			return -1;
		p->f->node[n].left = left;
		p->f->node[n].right = right;
		left = n;
	}
	return left;
}

static int
conjunction(struct parser *p)
{
	return joined(p, "and", FIND_AND, unary);
}

static int
expression(struct parser *p)
{
	return joined(p, "or", FIND_OR, conjunction);
}

int
find_parse(struct find *f, const char *text, struct why *w)
{
	struct parser p = { .f = f, .text = text, .at = text, .w = w };

	f->nodes = 0;
	p.out = f->text;
	if (strlen(text) >= FIND_TEXT)
		return why_set(w, EXIT_USAGE, "the expression is too long");
	if ((f->top = expression(&p)) < 0)
		return -1;
	blanks(&p);
	return *p.at == '\0' ? 0
			     : wrong(&p, "and, or, or the end belongs here");
}

/* ---- printing ---- */

struct printer {
	char *out;
	size_t size, n;
};

static void
put(struct printer *o, const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++, o->n++)
		if (o->n + 1 < o->size)
			o->out[o->n] = s[i];
}

static void
puts_(struct printer *o, const char *s)
{
	put(o, s, strlen(s));
}

/* In quotes; a value with both kinds of them has pieces of both. */
static void
put_value(struct printer *o, const char *s)
{
	size_t n;

	do {
		const char *q = strchr(s, '"') == s ? "'" : "\"";

		n = strcspn(s, q);
		puts_(o, q);
		put(o, s, n);
		puts_(o, q);
		s += n;
	} while (*s != '\0');
}

static void
print(const struct find *f, int at, struct printer *o)
{
	static const char *const ops[] = { "=", "<", "<=", ">", ">=", "=",
		"~" };
	const struct find_node *n = &f->node[at];

	switch (n->kind) {
	case FIND_TEST:
		puts_(o, find_keys[n->key]);
		puts_(o, ops[n->op]);
		if (n->value != NULL)
			put_value(o, n->value);
		if (n->op == FIND_RANGE)
			puts_(o, "..");
		if (n->to != NULL)
			put_value(o, n->to);
		break;
	case FIND_NOT:
		puts_(o, "not ");
		print(f, n->left, o);
		break;
	default:
		puts_(o, "(");
		print(f, n->left, o);
		puts_(o, n->kind == FIND_AND ? " and " : " or ");
		print(f, n->right, o);
		puts_(o, ")");
	}
}

size_t
find_print(const struct find *f, char *out, size_t size)
{
	struct printer o = { out, size, 0 };

	print(f, f->top, &o);
	if (size > 0)
		out[o.n < size ? o.n : size - 1] = '\0';
	return o.n;
}

/* ---- matching ---- */

/* Greedy, with one place to come back to: no pattern takes long. */
static bool
like(const char *pattern, const char *s)
{
	const char *star = NULL, *back = NULL;

	while (*s != '\0')
		if (*pattern == '*') {
			star = pattern++;
			back = s;
		} else if (*pattern == '?' || *pattern == *s) {
			pattern++;
			s++;
		} else if (star != NULL) {
			pattern = star + 1;
			s = ++back;
		} else
			return false;
	return pattern[strspn(pattern, "*")] == '\0';
}

/* Numbers have at most 18 digits on the one side; on the other they come from
 * the catalogue. */
static int
order(enum find_key key, const char *a, const char *b)
{
	long long x, y;

	if (key != FIND_SIZE)
		return strcmp(a, b);
	x = strtoll(a, NULL, 10);
	y = strtoll(b, NULL, 10);
	return x < y ? -1 : x > y;
}

static bool
holds(const struct find_node *t, const char *v)
{
	switch (t->op) {
	case FIND_EQ:
		return order(t->key, v, t->value) == 0;
	case FIND_LT:
		return order(t->key, v, t->value) < 0;
	case FIND_LE:
		return order(t->key, v, t->value) <= 0;
	case FIND_GT:
		return order(t->key, v, t->value) > 0;
	case FIND_GE:
		return order(t->key, v, t->value) >= 0;
	case FIND_RANGE:
		return (t->value == NULL || order(t->key, v, t->value) >= 0) &&
		       (t->to == NULL || order(t->key, v, t->to) <= 0);
	case FIND_LIKE:
		break;
	}
	return like(t->value, v);
}

static int
match(const struct find *f, int at, find_get *get, void *arg)
{
	const struct find_node *n = &f->node[at];
	bool unknown = false;
	const char *v;
	int a, b, end;

	switch (n->kind) {
	case FIND_TEST:
		v = get(arg, n->key, &unknown);
		return unknown ? -1 : v != NULL && holds(n, v);
	case FIND_NOT:
		a = match(f, n->left, get, arg);
		return a < 0 ? -1 : !a;
	default:
		/* One side may decide whatever the other one is. */
		end = n->kind == FIND_OR;
		if ((a = match(f, n->left, get, arg)) == end ||
		    (b = match(f, n->right, get, arg)) == end)
			return end;
		return a < 0 || b < 0 ? -1 : !end;
	}
}

int
find_match(const struct find *f, find_get *get, void *arg)
{
	return match(f, f->top, get, arg);
}

/* ---- what an index can be asked for ---- */

/* How well a test narrows a search: 0 not at all. */
static int
worth(const struct find_node *t)
{
	static const int keys[FIND_FACTS] = { [FIND_BODY_PART] = 2,
		[FIND_MODALITY] = 1,
		[FIND_PSEUDONYM] = 4,
		[FIND_SERIES] = 6,
		[FIND_STUDY] = 5,
		[FIND_STUDY_DATE] = 3 };
	int k = t->key < FIND_FACTS ? keys[t->key] : 0;

	if (k == 0)
		return 0;
	if (t->op == FIND_EQ)
		return k + 20;
	if (t->op == FIND_LIKE)
		return strcspn(t->value, "*?") > 0 ? k : 0;
	return t->op == FIND_RANGE && t->value && t->to ? k + 10 : k;
}

/* The best of the tests that all must hold, or NULL. */
static const struct find_node *
best(const struct find *f, int at)
{
	const struct find_node *n = &f->node[at], *a, *b;

	if (n->kind == FIND_TEST)
		return worth(n) > 0 ? n : NULL;
	if (n->kind != FIND_AND)
		return NULL;
	a = best(f, n->left);
	b = best(f, n->right);
	return a == NULL || (b != NULL && worth(b) > worth(a)) ? b : a;
}

enum find_key
find_bound(const struct find *f, const char **from, const char **to,
    char room[FIND_TEXT + 2])
{
	const struct find_node *t = best(f, f->top);
	size_t n;

	if (t == NULL)
		return FIND_KEYS;
	*from = t->value;
	*to = NULL;
	switch (t->op) {
	case FIND_EQ:
		*to = t->value;
		break;
	case FIND_LT:
	case FIND_LE:
		*from = NULL;
		*to = t->value;
		break;
	case FIND_RANGE:
		*to = t->to;
		break;
	case FIND_LIKE:
		/* From the pattern's beginning to its last continuation. */
		n = strcspn(t->value, "*?");
		memcpy(room, t->value, n);
		room[n] = '\0';
		*from = room;
		break;
	default:
		break;
	}
	return t->key;
}
