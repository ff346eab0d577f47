# Flags of the core, and the library `device`: start-up code, UART, linker script.
set(cpu_mps2-an385 -mcpu=cortex-m3 -mthumb)
set(cpu_mps2-an386 -mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16)
set(cpu_mps2-an500 -mcpu=cortex-m7 -mthumb -mfloat-abi=hard -mfpu=fpv5-d16)
set(cpu_mps3-an547 -mcpu=cortex-m55 -mthumb -mfloat-abi=hard)
if(NOT DEFINED cpu_${BOARD})
  message(FATAL_ERROR "BOARD: mps2-an385, mps2-an386, mps2-an500 or mps3-an547")
endif()
add_compile_options(${cpu_${BOARD}} -O2 -ffunction-sections -fdata-sections)
add_link_options(${cpu_${BOARD}} -nostartfiles --specs=nano.specs --specs=nosys.specs -Wl,--gc-sections
                 -Wl,--no-warn-rwx-segments)

set(device_script ${CMAKE_CURRENT_LIST_DIR}/${BOARD}.ld)
if(NOT EXISTS ${device_script})
  set(device_script ${CMAKE_CURRENT_LIST_DIR}/mps2.ld)
endif()
add_library(device OBJECT ${CMAKE_CURRENT_LIST_DIR}/startup_device.c
            ${CMAKE_CURRENT_LIST_DIR}/system_device.c ${CMAKE_CURRENT_LIST_DIR}/uart.c)
target_include_directories(device PUBLIC ${CMAKE_CURRENT_LIST_DIR} ${CMAKE_CURRENT_LIST_DIR}/..)
if(BOARD STREQUAL mps3-an547)
  target_compile_definitions(device PUBLIC UART_BASE=0x59303000u)
endif()
add_link_options(-L${CMAKE_CURRENT_LIST_DIR} -T${device_script})
