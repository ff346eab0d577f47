/* NOT FreeRTOS, see FreeRTOS.h here. */
#include "task.h"

#define MOST_TASKS 4

static struct Task {
    TaskFunction_t run;
    void *argument;
    UBaseType_t priority;
} tasks[MOST_TASKS];
static int n_tasks;

BaseType_t xTaskCreate(TaskFunction_t run, const char *name, uint32_t stack_words, void *argument,
                       UBaseType_t priority, TaskHandle_t *handle)
{
    (void)name;
    (void)stack_words;
    (void)handle;
    if (n_tasks == MOST_TASKS) {
        return 0;
    }
    tasks[n_tasks].run = run;
    tasks[n_tasks].argument = argument;
    tasks[n_tasks++].priority = priority;
    return 1;
}

void vTaskStartScheduler(void)
{
    for (UBaseType_t p = configMAX_PRIORITIES; p-- > 0;) {
        for (int i = 0; i < n_tasks; i++) {
            if (tasks[i].priority == p) {
                tasks[i].run(tasks[i].argument);
            }
        }
    }
}

void vTaskDelay(TickType_t ticks)
{
    (void)ticks;
}

void vTaskDelete(TaskHandle_t task)
{
    (void)task;
}
