#if !defined(MODEL_CYCLES)
#if defined(__ARM_ARCH_7M__) || defined(__ARM_ARCH_7EM__) || defined(__ARM_ARCH_8M_MAIN__) ||      \
    defined(__ARM_ARCH_8_1M_MAIN__)
#define MODEL_DEMCR (*(volatile uint32_t *)0xE000EDFCU)
#define MODEL_DWT_CTRL (*(volatile uint32_t *)0xE0001000U)
#define MODEL_DWT_CYCCNT (*(volatile uint32_t *)0xE0001004U)
#define MODEL_CYCLES_START() (MODEL_DEMCR |= 1U << 24, MODEL_DWT_CTRL |= 1U)
#define MODEL_CYCLES() MODEL_DWT_CYCCNT
#elif defined(__ARM_ARCH_6M__)
#define MODEL_SYST_CSR (*(volatile uint32_t *)0xE000E010U)
#define MODEL_SYST_RVR (*(volatile uint32_t *)0xE000E014U)
#define MODEL_SYST_CVR (*(volatile uint32_t *)0xE000E018U)
#define MODEL_CYCLES_START() (MODEL_SYST_RVR = 0xFFFFFFU, MODEL_SYST_CVR = 0U, MODEL_SYST_CSR = 5U)
#define MODEL_CYCLES() (0U - MODEL_SYST_CVR) /* 24 bits: differences modulo 2^24 */
#define MODEL_CYCLES_MASK 0xFFFFFFU
#else
#define MODEL_CYCLES() 0U
#endif
#endif
#ifndef MODEL_CYCLES_START
#define MODEL_CYCLES_START() ((void)0)
#endif
#ifndef MODEL_CYCLES_MASK
#define MODEL_CYCLES_MASK 0xFFFFFFFFU
#endif
