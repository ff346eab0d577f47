/* A labeled log (make_log.py mixed) on stdin as C on stdout; the labels stay out. */
#include <stdio.h>
#include <string.h>

int main(void)
{
    char row[512];
    int n = 0;
    printf("static const char *const log_lines[] = {\n");
    while (fgets(row, sizeof row, stdin)) {
        const char *line = strchr(row, '\t');
        if (!line || strlen(line) < 11 || line[strlen(line) - 1] != '\n') {
            fprintf(stderr, "line %d: expected LABEL, tab, HH:MM:SS and a message\n", n + 1);
            return 1;
        }
        printf("    \"");
        for (line++; *line != '\n'; line++) {
            printf(strchr("\"\\?", *line) ? "\\%c" : "%c", *line);
        }
        printf("\",\n");
        n++;
    }
    printf("};\n#define LOG_LINES %d\n", n);
    return 0;
}
