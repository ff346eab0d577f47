/* Where the text of a command comes from once the wake word was heard. A device has a speech
 * recogniser there; here it is a table (recogniser_table.c) or standard input (recogniser_stdin.c).
 */
#ifndef RECOGNISER_H
#define RECOGNISER_H

/* The next command, valid until the next call; NULL: there is none. */
const char *recogniser_text(void);

#endif
