/* The part of start-up that every bare-metal board shares: copy .data, zero .bss, run main().
 * The entry code of each architecture gets a stack and comes here. */
#include "start.h"

#include "board.h"

extern const uint32_t _data_load[]; /* where .data's initial values lie */
extern uint32_t _data_start[], _data_end[];
extern uint32_t _bss_start[], _bss_end[];

int main(void);

_Noreturn void start_c(void)
{
    const uint32_t *from = _data_load;
    for (uint32_t *p = _data_start; p < _data_end; p++) {
        *p = *from++;
    }
    for (uint32_t *p = _bss_start; p < _bss_end; p++) {
        *p = 0;
    }
    board_exit(main());
}

_Noreturn void start_fault(void)
{
    board_puts("FAULT\n");
    board_exit(FAULT_STATUS);
}
