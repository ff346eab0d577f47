#if MODEL_BLOB
/* Gives the state its weights, the contents of model_weights.bin at any address: flash that is
 * memory-mapped, a partition, RAM. blob must start at a multiple of MODEL_BLOB_ALIGN and stay where
 * it is; bytes: how many can be read there, MODEL_BLOB_BYTES at least. Checks that they belong to
 * this code and, see MODEL_CHECK_WEIGHTS, that they are undamaged, and resets. After an error the
 * state has no weights. */
int model_bind(model_t *s, const void *blob, uint32_t bytes);

/* Resets a state that has no weights yet: model_bind comes next. Where MODEL_BLOB_ADDRESS is
 * defined it binds what is there. */
#else
/* Checks the weights (see MODEL_CHECK_WEIGHTS) and resets. */
#endif
int model_init(model_t *s);
