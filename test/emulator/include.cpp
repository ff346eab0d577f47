// The header in C++: it compiles without a warning, and the functions link.
#include "ant.h"

static ant_t state;

int main()
{
    return ant_init(&state) == ANT_OK && ant_strerror(ANT_OK) != nullptr ? 0 : 1;
}
