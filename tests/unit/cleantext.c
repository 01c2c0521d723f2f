#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleantext.h"
#include "tap.h"

static struct cleantext *c;
static struct charset set;

/* Is text, cleaned, want?  Shows what it is if not. */
static bool
becomes(const char *text, const char *want)
{
	const void *out;
	size_t n;

	if (cleantext_clean(c, &set, text, strlen(text), '*', &out, &n) ==
	    CLEANTEXT_CANNOT)
		return false;
	if (n == strlen(want) && memcmp(out, want, n) == 0)
		return true;
	printf("# %s -> %.*s\n", text, (int)n, (const char *)out);
	return false;
}

static bool
stays(const char *text)
{
	return becomes(text, text);
}

static void
note(enum cleantext_kind kind, const char *value)
{
	cleantext_note(c, kind, &set, value, strlen(value));
}

static void
names(void)
{
	cleantext_begin(c);
	note(CLEANTEXT_NAME, "Doe^John^Q^Dr.");
	note(CLEANTEXT_NAME, "O'Brien^Mary\\Ng^Li\\Lange^Eva");
	ok(stays("CT Abdomen w/o contrast, 5 mm"), "nobody in it");
	ok(becomes("Scan of DOE, John: fine", "Scan of *, *: fine"),
	    "order and case");
	ok(becomes("john_doe axial", "* axial"), "joined by a separator");
	ok(becomes("johndoe axial", "* axial"), "joined by nothing");
	ok(becomes("jdoe axial", "* axial"), "an initial before it");
	ok(becomes("DOEJ axial", "* axial"), "an initial behind it");
	ok(becomes("Doe's knee", "*'s knee"), "a genitive");
	ok(becomes("J. Doe knee", "* knee"), "initials go with the name");
	ok(becomes("Doe J2 and Q", "* J2 and Q"), "but not as part of a word");
	ok(becomes("see O'BRIEN", "see *") && becomes("see obrien", "see *"),
	    "a name of two words");
	ok(becomes("for Ng Li", "for *"), "two short names");
	ok(becomes("J. Smith: Q angle", "J. Smith: Q angle"),
	    "an initial alone is none");
	ok(stays("phalanges"), "a short name within a word is not one");
	cleantext_begin(c);
	ok(stays("Doe"), "the next object has other names");
}

static void
ids(void)
{
	cleantext_begin(c);
	note(CLEANTEXT_ID, "AB-001234");
	note(CLEANTEXT_ID, "77");
	note(CLEANTEXT_ID, "00123456");
	note(CLEANTEXT_DATE, "19620317");
	note(CLEANTEXT_TIME, "143205.123");
	ok(becomes("id ab001234 x", "id * x"), "an id without its hyphen");
	ok(becomes("x AB 001234", "x *"), "with a blank");
	ok(becomes("x 001234 y", "x * y"), "its number alone");
	ok(becomes("123-456 x", "* x"), "without leading zeros");
	ok(stays("77 mm"), "a short id is not looked for");
	ok(becomes("77", "*"), "but a value that is it goes");
	ok(becomes("x 1962 03 17 y", "x * y"), "its dates, however written");
	ok(becomes("at 14:32:05", "at *"), "its times");
}

static void
places(void)
{
	cleantext_begin(c);
	note(CLEANTEXT_PLACE, "St. Mary's General Hospital\\12 Elm St, 90210");
	ok(stays("general hospital protocol"), "words that all have");
	ok(becomes("mary general hospital protocol", "* protocol"),
	    "with words that it has");
	ok(becomes("zip 90210 12 mm", "zip * mm") ||
		becomes("zip 90210 ; 12 mm", "zip * ; 12 mm"),
	    "numbers of an address");
}

static void
patterns(void)
{
	cleantext_begin(c);
	ok(becomes("on 1999-12-31 and 31.12.1999, 12/31/99", "on * and *, *"),
	    "dates in numbers");
	ok(becomes("on May 5, 1999; 5. Mai 1999; 12 dec", "on *; *; *"),
	    "dates with months");
	ok(becomes("tel +41 44 123 45 67 or (030) 123-4567", "tel +* or (*") ||
		becomes(
		    "tel +41 44 123 45 67 or (030) 123-4567", "tel +* or (*"),
	    "telephones");
	ok(becomes("x 555-123-4567, 123-45-6789", "x *, *"), "of America");
	ok(becomes("mail a.b@c.example x", "mail * x"), "mail");
	ok(becomes(
	       "see https://a.example/?b now, www.b.example", "see * now, *"),
	    "links");
	ok(becomes("uid 1.2.840.113619.2.55 x", "uid * x"), "UIDs");
	ok(becomes("MRN: A12 x", "MRN: * x"), "what an MRN is");
	ok(becomes("per Dr. Alice Jones, DR chest", "per Dr. *, DR chest"),
	    "a title's name");
	ok(becomes("a 93-year-old", "a *-year-old"), "great ages");
	ok(becomes("no 1234567", "no *"), "long numbers");
	ok(stays("T2 0.123456 1.5/3.0 2x2 512 512 120 kV v4.2.1"),
	    "measures and versions stay");
	ok(stays("a 53 year old, 3/4 views, L4-5"), "ages and fractions stay");
}

static void
sets(void)
{
	struct charset latin1 = set;

	charset_set(&latin1, "ISO_IR 100", 10);
	cleantext_begin(c);
	cleantext_note(c, CLEANTEXT_NAME, &latin1, "M\374ller^Ren\351", 11);
	set = latin1;
	ok(becomes("x M\334LLER y", "x * y"), "case beyond ASCII");
	ok(becomes("x MULLER, Mueller, rene", "x *, *, *"), "without accents");
	charset_utf8(&set);
	ok(becomes("x M\303\234LLER y", "x * y"), "in another set");
	ok(becomes("x Mu\314\210ller y", "x * y"), "combined from two");
	charset_default(&set);
	ok(becomes("x M\303\234LLER y", "x * y"), "in a set not said");
	ok(becomes("x M\334LLER y", "x * y"), "in Latin-1 not said");

	cleantext_begin(c);
	charset_set(&set, "\\ISO 2022 IR 87", 15);
	/* Yamada^Tarou in letters, in kanji and in kana */
	note(CLEANTEXT_NAME, "Yamada^Tarou=\33$B;3ED\33(B^\33$BB@O:\33(B="
			     "\33$B$d$^$@\33(B^\33$B$?$m$&\33(B");
	ok(becomes("x yamada z", "x * z"), "its Latin group");
	ok(becomes("\33$B;3EDB@O:$5$s\33(B", "\33$B$5$s\33(B"),
	    "within a run of kanji, escapes kept");
	charset_utf8(&set);
	ok(becomes("\345\261\261\347\224\260 \343\203\244\343\203\236"
		   "\343\203\200",
	       "*"),
	    "in UTF-8, kana of either kind");
	cleantext_begin(c);
	note(CLEANTEXT_NAME, "\347\216\213^\345\260\217\346\235\261");
	ok(becomes("\345\217\262\347\216\213\345\260\217\346\235\261x",
	       "\345\217\262*x"),
	    "a surname of one character, beside the other");
	ok(stays("\345\217\262\347\216\213\345\217\262"), "but not alone");
	charset_set(&set, "GB18030", 7);
	ok(becomes("a \315\365\320\241\226|b", "a *b"), "GB 18030");
	charset_set(&set, "\\ISO 2022 IR 149", 16);
	cleantext_begin(c);
	note(CLEANTEXT_NAME,
	    "Hong^Gildong=\33$)C\373\363^\33$)C\321\316\324\327="
	    "\33$)C\310\253^\33$)C\261\346\265\277");
	ok(becomes("\33$)C\310\253\261\346\265\277 x", "\33$)C* x"),
	    "KS X 1001");
	charset_default(&set);
}

static void
words(void)
{
	static const char list[] = "Zyxwv\nTwo  Words\n\n";
	int fd[2];
	struct why w = { 0 };
	unsigned char digest[32];

	ok(!cleantext_digest(c, digest), "no words, no digest");
	if (pipe(fd) < 0 || write(fd[1], list, sizeof list - 1) < 0)
		exit(1);
	close(fd[1]);
	ok(cleantext_words(c, fd[0], "list", &w) == 0 &&
		cleantext_digest(c, digest),
	    "a list of words");
	cleantext_begin(c);
	ok(becomes("a zyxwv two-words x", "a * x"), "its words and phrases");
	ok(stays("two times words"), "not the words of a phrase");
	ok(cleantext_within(c, "\0\1Zyxwv\0", 8) &&
		cleantext_within(c, "\1z\0y\0x\0w\0v\0", 11) &&
		!cleantext_within(c, "\0\1Zyx....wv", 11),
	    "within bytes");
}

int
main(void)
{
	c = cleantext_new();
	charset_default(&set);
	names();
	ids();
	places();
	patterns();
	sets();
	words();
	cleantext_free(c);
	return done_testing();
}
