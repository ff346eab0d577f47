/* NOT FreeRTOS, see FreeRTOS.h here. Tasks run to their end, one after the other, by priority. */
#ifndef TASK_STUB_H
#define TASK_STUB_H

#include "FreeRTOS.h"

typedef struct Task *TaskHandle_t;
typedef void (*TaskFunction_t)(void *);

BaseType_t xTaskCreate(TaskFunction_t run, const char *name, uint32_t stack_words, void *argument,
                       UBaseType_t priority, TaskHandle_t *handle);
void vTaskStartScheduler(void);
void vTaskDelay(TickType_t ticks);
void vTaskDelete(TaskHandle_t task); /* NULL, as a task's last call */

#endif
