/* The parts of the report, one file each, and what they share. */
#ifndef LMCC_EMIT_REPORT_H
#define LMCC_EMIT_REPORT_H

#include "emit.h"

/* A strip: boxes side by side, `from` and `share` of its width (0 .. 1), in the colour of a class
 * of report.css. What it shows is in numbers beside it, so readers of the page's text skip it. */
void report_strip(Buf *b);
void report_box(Buf *b, const char *class, double from, double share, const char *what);
void report_strip_end(Buf *b);

/* A legend's entry. */
void report_key(Buf *b, const char *class, const char *what);

/* A table that may be wider than a phone: its caption, and its column heads up to a NULL; the one
 * that begins with | is of strips. */
void report_table(Buf *b, const char *caption, const char *const *heads);
void report_table_end(Buf *b);

void report_memory(const Emission *e, Buf *b);  /* report_memory.c: flash and RAM */
void report_time(const Emission *e, Buf *b);    /* report_time.c: a token, op by op */
void report_quality(const Emission *e, Buf *b); /* report_quality.c: bits, errors, the search */

/* Instructions, loads and stores of a token with a full window. */
Cost token_cost(const Emission *e);
/* "input", "layer 3", "head". */
const char *report_layer(const Emission *e, int layer);
int64_t data_size(const Data *d); /* bytes */

#endif
