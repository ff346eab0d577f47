/* Two tasks: a story at low priority, with a stack of its own, and a tick that interrupts it. */
#include "FreeRTOS.h"
#include "task.h"

#include "device.h"
#include "tell.h"

#define STORY_STACK_BYTES 3072
#define TICKS 5

static volatile int ticks, told;

static void tick_task(void *argument)
{
    (void)argument;
    for (int i = 0; i < TICKS; i++) {
        vTaskDelay(1);
        ticks += told ? 0 : 1; /* while the other task is at work */
    }
    vTaskDelete(NULL);
}

static void story_task(void *argument)
{
    const int error = tell(uart_write);
    (void)argument;
    told = 1;
    device_exit(error != 0 ? 1 : ticks == TICKS ? 0 : 3);
    vTaskDelete(NULL);
}

void vApplicationStackOverflowHook(TaskHandle_t task, char *name)
{
    (void)task;
    (void)name;
    device_exit(4);
}

int main(void)
{
    uart_init();
    (void)xTaskCreate(tick_task, "tick", configMINIMAL_STACK_SIZE, NULL, 2, NULL);
    (void)xTaskCreate(story_task, "story", STORY_STACK_BYTES / sizeof(StackType_t), NULL, 1, NULL);
    vTaskStartScheduler();
    return 5;
}
