/* The files that a fuzzed reader finds. */
#ifndef FUZZ_FILES_H
#define FUZZ_FILES_H

#include "util.h"

void put_file(const char *path, const uint8_t *data, size_t size); /* both are the caller's */
void keep_file(const char *path, const char *from); /* put_file of what is on the disk */

#endif
