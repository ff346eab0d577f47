/* Weights that a model binds, as part of a firmware. */
    .section .rodata.blob, "a", %progbits
    .balign 256
    .global model_blob
model_blob:
    .incbin "model_weights.bin"
#if defined(__linux__)
    .section .note.GNU-stack, "", %progbits
#endif
