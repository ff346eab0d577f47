/* Results as JUnit XML, which build servers read (the form that Jenkins' and GitLab's readers agree
 * on). No times in it: the same results are the same bytes. */
#include "cli.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void attribute(Buf *b, const char *name, const char *value)
{
    buf_printf(b, " %s=\"", name);
    buf_markup(b, value);
    buf_puts(b, "\"");
}

void junit_case(Junit *j, const char *name, const char *failure)
{
    j->tests++;
    j->failures += failure != NULL;
    buf_puts(&j->cases, "    <testcase");
    attribute(&j->cases, "classname", j->suite);
    attribute(&j->cases, "name", name);
    if (failure) {
        buf_puts(&j->cases, ">\n      <failure");
        attribute(&j->cases, "message", failure);
        buf_puts(&j->cases, "/>\n    </testcase>\n");
    } else {
        buf_puts(&j->cases, "/>\n");
    }
}

void junit_write(Junit *j, const char *path)
{
    Buf b = {0};
    buf_puts(&b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite");
    attribute(&b, "name", j->suite);
    buf_printf(&b, " tests=\"%d\" failures=\"%d\" errors=\"0\" skipped=\"0\">\n", j->tests,
               j->failures);
    if (j->cases.data)
        buf_puts(&b, j->cases.data);
    buf_puts(&b, "  </testsuite>\n</testsuites>\n");
    interrupt_hold();
    FILE *f = fopen(path, "wb");
    const bool written = f && fwrite(b.data, 1, b.len, f) == b.len;
    if (!f || fclose(f) != 0 || !written)
        fatal("%s: cannot write: %s", path, strerror(errno));
    interrupt_release();
    buf_free(&b);
    buf_free(&j->cases);
}
