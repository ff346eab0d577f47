/* Text that comes in parts, cut anywhere: the same tokens as model_encode gives for the whole, each
 * as soon as nothing that may follow changes it. Zero it first, and after an error. A word, with
 * what must be seen of the text after it to know where it ends, has MODEL_WORD_BYTES (see the
 * configuration file); where a tokenizer does not cut text into words, that is the whole text. */
typedef struct model_encoder {
    uint8_t begun, inside, later, bare, skip;
    uint32_t count; /* bytes held */
    uint32_t ahead; /* of what they become when normalized, bytes that are encoded already */
    uint8_t held[MODEL_WORD_BYTES];
} model_encoder;

/* Takes n bytes, gives the tokens that are settled by them. max: room in out;
 * MODEL_ENCODE_ROOM(MODEL_WORD_BYTES + n) always suffices. */
int32_t model_encode_part(model_encoder *e, const char *utf8, uint32_t n, model_token *out,
                          int32_t max);

/* The text has ended: gives the tokens of what is held, and leaves the encoder zeroed. */
int32_t model_encode_end(model_encoder *e, model_token *out, int32_t max);
