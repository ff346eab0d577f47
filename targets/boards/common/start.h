/* Between the entry code of an architecture and the start-up that all boards share. */
#ifndef START_H
#define START_H

#define FAULT_STATUS 99 /* a processor exception ends the program with it */

_Noreturn void start_c(void);     /* needs a stack; ends in board_exit(main()) */
_Noreturn void start_fault(void); /* prints FAULT and exits */

#endif
