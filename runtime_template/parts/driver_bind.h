#if MODEL_BLOB
static const void *driver_blob; /* of every thread's state */
static uint32_t driver_blob_bytes;

int model_driver_bind(const void *blob, uint32_t bytes);
int model_driver_bind(const void *blob, uint32_t bytes)
{
    driver_blob = blob;
    driver_blob_bytes = bytes;
    return model_bind(&driver_state, blob, bytes);
}

static void driver_prepare(void)
{
    if (driver_state.weights == NULL) {
        (void)model_bind(&driver_state, driver_blob, driver_blob_bytes);
    }
}
#else
static void driver_prepare(void)
{
}
#endif

int model_driver_init(void)
{
    return model_init(&driver_state);
}
