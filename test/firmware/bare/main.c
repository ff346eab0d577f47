/* A story, once. */
#include "device.h"
#include "tell.h"

int main(void)
{
    uart_init();
    return tell(uart_write) == 0 ? 0 : 1;
}
