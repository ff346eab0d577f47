/* NOT FreeRTOS: a stand-in for the few names of its interface that the application uses, so that it
 * compiles and runs where the kernel is not at hand. */
#ifndef FREERTOS_STUB_H
#define FREERTOS_STUB_H

#include <stddef.h>
#include <stdint.h>

#include "FreeRTOSConfig.h"

typedef uint32_t StackType_t, TickType_t;
typedef int32_t BaseType_t;
typedef uint32_t UBaseType_t;

#endif
