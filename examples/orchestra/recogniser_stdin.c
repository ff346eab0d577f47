/* Stands for a speech recogniser, on the host: a line of standard input is a command. */
#include "recogniser.h"

#include <stdio.h>
#include <string.h>

const char *recogniser_text(void)
{
    static char line[256];
    if (fgets(line, (int)sizeof line, stdin) == NULL) {
        return NULL;
    }
    line[strcspn(line, "\n")] = '\0';
    return line;
}
