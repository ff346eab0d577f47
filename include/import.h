/* What the importers share: JSON with messages that name file, key and value; limits; the parts
 * of a Model that every family builds alike; tokenizers. */
#ifndef LMCC_IMPORT_H
#define LMCC_IMPORT_H

#include "model.h"

#include <jansson.h>

/* Larger than any model that could fit a microcontroller, small enough that products of two of
 * them and a layer count stay far inside int64_t. */
enum {
    MAX_DIM = 65536,
    MAX_LAYERS = 1024,
    MAX_HEADS = 1024,
    MAX_HEAD_DIM = 1024,
    MAX_NEURONS = 1 << 18,
    MAX_VOCAB = 1 << 20,
    MAX_CONTEXT = 1 << 24,
    MAX_FRAMES = 1 << 16, /* of a clip, of a model that reads frames */
    MAX_FRAME_BYTES = 1024,
    MAX_PATCH_BYTES = 16384,
    MAX_PIECE = 1024,     /* bytes of one token */
    MAX_WORD_CHARS = 1000 /* of a WordPiece word */
};

/* import/json.c. Strict: valid UTF-8, no duplicate keys, no U+0000, nothing after. `where` is
 * what messages start with: the path, or "path: key" for a nested object. ------------------- */

json_t *read_json(Arena *a, const char *path); /* an object; owned by the arena */
json_t *parse_json(Arena *a, const char *where, const uint8_t *text, size_t n);
json_t *own_json(Arena *a, json_t *value); /* hands a new value over to the arena */
/* fatal("WHERE: KEY: VALUE: WHY") */
_Noreturn void bad_value(const char *where, const char *key, const json_t *value, const char *why);
json_t *get_value(const json_t *object, const char *key); /* NULL when absent or null */
/* Absent or null gives `fallback`; a wrong type or range is fatal. Integers may be spelled 4.0. */
int get_int(const char *where, const json_t *object, const char *key, int min, int max,
            int fallback);
int need_int(const char *where, const json_t *object, const char *key, int min, int max);
double get_double(const char *where, const json_t *object, const char *key, double min, double max,
                  double fallback);
bool get_bool(const char *where, const json_t *object, const char *key, bool fallback);
const char *get_string(const char *where, const json_t *object, const char *key,
                       const char *fallback);
json_t *get_object(const char *where, const json_t *object, const char *key); /* NULL: absent */
json_t *get_array(const char *where, const json_t *object, const char *key);  /* NULL: absent */

/* import/build.c --------------------------------------------------------------------------- */

typedef struct Shape {
    int dim, n_layers, n_heads, n_kv_heads, head_dim, n_neurons, vocab, context;
    bool learned; /* positions, so that heads may have an odd size */
} Shape;

/* A Model of equal blocks with every size and name set and no weights. Fatal when the sizes,
 * each within its limit already, do not go together. */
Model *new_model(Arena *a, const char *path, const char *family, const Shape *s);
/* What differs from llama's: no GATE; a table of positions, whose weights are still to be set. */
void set_ungated(Model *m);
void set_sub_norms(Model *m);
void set_learned_positions(Model *m);
/* Tokens that enter the residual stream times s: all of the stream over s is the same network, for
 * norms do not see a scale if eps has it too. What writes to the stream is divided instead. */
void divide_residual(Model *m, float s);
void check_finite(const char *path, const char *tensor, const float *w, size_t n);
/* What is left once the weights are in: the hash and the tokenizer. */
void finish_model(Arena *a, Model *m, const char *tokenizer_path);

/* import/hf.c ------------------------------------------------------------------------------ */

typedef struct HfFamily HfFamily;

typedef struct HfCheckpoint {
    const char *dir, *config_path;
    const json_t *config;
    const Safetensors *weights;
    const HfFamily *family;
} HfCheckpoint;

/* What sliding_window means. */
typedef enum HfWindow {
    HF_NO_WINDOW,     /* not for this family: it must be null */
    HF_WINDOW_COUNTS, /* a token sees so many, itself included */
    HF_WINDOW_OFF     /* nothing unless use_sliding_window, which must be false */
} HfWindow;

/* What tells a family from llama: a row of the table in hf.c. */
struct HfFamily {
    const char *model_type, *architecture; /* both must be this, where the file says; NULL: several,
                                              which the importer tells apart */
    Model *(*import)(Arena *a, const HfCheckpoint *c);
    int context, head_dim; /* where the file does not say; head_dim 0: hidden_size / heads */
    bool all_kv_heads;     /* likewise: as many kv heads as query heads, else the file must say */
    bool qkv_bias;         /* q, k and v always have a bias */
    bool qk_norm;
    bool norm_offset;      /* weights of norms are stored less 1 */
    bool scaled_embedding; /* tokens enter times sqrt(hidden_size) */
    Activation activation; /* that gates the MLP */
    bool sub_norm;         /* what o and down read is normed */
    bool tied;             /* where the file does not say */
    double theta, eps;     /* likewise; 0: 10000, 1e-6 */
    double rotary;         /* part of a head that turns, likewise; 0: all, and no key says else */
    const char *rotary_key, *theta_key; /* NULL: rope_theta */
    HfWindow window;
};

Model *import_hf_llama(Arena *a, const HfCheckpoint *c);   /* import/hf_llama.c */
Model *import_hf_bert(Arena *a, const HfCheckpoint *c);    /* import/hf_bert.c */
Model *import_hf_keyword(Arena *a, const HfCheckpoint *c); /* import/hf_keyword.c */
Model *import_hf_gpt2(Arena *a, const HfCheckpoint *c);    /* import/hf_gpt2.c */
Model *import_hf_gpt_neo(Arena *a, const HfCheckpoint *c);
Model *import_hf_neox(Arena *a, const HfCheckpoint *c); /* import/hf_neox.c */
Model *import_hf_phi(Arena *a, const HfCheckpoint *c);

/* import/hf_bitnet.c: how ternary weights are stored. Zero: not at all. */
typedef struct HfBitnet {
    bool packed;     /* four to a byte, where there is a weight_scale */
    bool online;     /* as floats, which become ternary as they are read */
    bool multiplies; /* weight_scale is what a step is worth, else one by that */
} HfBitnet;
HfBitnet read_hf_bitnet(Arena *a, const HfCheckpoint *c);
/* As load_hf_linear; tensors without a weight_scale are plain. */
void load_hf_ternary(Arena *a, const HfCheckpoint *c, HfBitnet b, const char *name, bool bias,
                     Linear *l);

/* import/hf_keys.c: what the families' readers share. ---------------------------------------- */

/* A key that changes the result: the only value supported, as JSON. Absent and null are fine. */
typedef struct HfFixed {
    const char *key, *json, *why;
} HfFixed;

/* fixed ends with a NULL key, known (keys that the reader reads, or without effect) with NULL. Any
 * other key gets a warning. */
void check_hf_keys(const HfCheckpoint *c, const HfFixed *fixed, const char *const *known);
/* Fatal for a tensor that nothing has read and that is not harmless. */
void check_hf_tensors(const HfCheckpoint *c, const Model *m,
                      bool (*harmless)(const Model *m, const char *name));
/* NAME.weight, with `bias` NAME.bias too; the linear has its shape. */
void load_hf_linear(Arena *a, const HfCheckpoint *c, const char *name, bool bias, Linear *l);
/* Of a matrix stored as [in, out], with a bias: the rows of its parts, one after the other. */
void load_hf_conv1d(Arena *a, const HfCheckpoint *c, const char *name, Linear *const *parts, int n);
void load_hf_layer_norm(Arena *a, const HfCheckpoint *c, const char *name, Norm *v);
void load_hf_head(Arena *a, const HfCheckpoint *c, const char *name, bool bias, Model *m); /* unless
                                                   tied */
Activation read_hf_activation(const HfCheckpoint *c, const char *key, const char *fallback);
/* num_key_value_heads, which divides the heads; absent: `fallback`, 0: it must be there. */
int hf_kv_heads(const HfCheckpoint *c, int heads, int fallback);
int hf_head_dim(const char *path, const char *dim_key, const char *heads_key, int dim, int heads);
/* Names of the classes, ascending by id, into m; gives their number. */
int read_hf_labels(Arena *a, const HfCheckpoint *c, Model *m);
void scale_linear(Linear *l, float by); /* weights and bias */
/* import/hf_rope.c: theta, factors and which pairs turn, from the configuration; the blocks' sizes
 * are set. */
void read_hf_rope(Arena *a, const HfCheckpoint *c, Model *m);

/* import/tokenizer.c ----------------------------------------------------------------------- */

/* The one named, or the one beside the model; NULL when there is none. */
Tokenizer *find_tokenizer(Arena *a, const char *model_path, const char *tokenizer_path, int vocab);
Tokenizer *new_tokenizer(Arena *a, TokenizerKind kind, int vocab); /* all pieces CONTROL, empty */
/* "<0x0A>" -> 10, anything else -1. */
int byte_of_piece(const char *s, size_t n);
/* Sorts by (left, right); of a pair that comes twice the higher rank stays. */
void sort_merges(Tokenizer *t);

/* import/tokenizer_bin.c ------------------------------------------------------------------- */

/* Normal pieces by their bytes: open addressing, at most half full. */
typedef struct PieceMap {
    const Tokenizer *t;
    int *slot; /* id + 1, 0 empty */
    size_t mask;
} PieceMap;

PieceMap map_pieces(Arena *a, const Tokenizer *t); /* of pieces spelled alike the first one */
int find_piece(const PieceMap *map, const uint8_t *s, int n); /* -1: none */
/* Sets the merges: every split of a piece into two pieces, the best score (n_pieces) first. */
void merge_by_score(Arena *a, Tokenizer *t, const float *score);

/* import/protobuf.c ------------------------------------------------------------------------- */

/* A message's bytes, and the field that was read last. */
typedef struct ProtoMessage {
    const char *path;
    const uint8_t *at, *end;
    uint32_t number;
    int wire; /* 0: a varint; 1, 5: 8 or 4 bytes, the lowest first; 2: n bytes at data */
    uint64_t value;
    const uint8_t *data;
    size_t n;
} ProtoMessage;

bool proto_next(ProtoMessage *m); /* false at the end; fatal where it is no message */
ProtoMessage proto_inside(const ProtoMessage *m); /* the field that was read last, of wire type 2 */

/* Written forms of pieces (n bytes) as bytes (at most n). ----------------------------------- */

/* import/tokenizer_merges.c: of byte-level pieces; false: one with other characters, which stands
 * for itself. */
bool decode_byte_level(const char *s, size_t n, uint8_t *out, int *len);
/* import/tokenizer_json.c: U+2581 -> a space; gives the bytes. */
int decode_spaces(const char *s, size_t n, uint8_t *out);

/* import/tokenizer_pipeline.c: how text becomes words, from tokenizer.json's sections --------- */

/* What the post-processor puts before or after a text. */
typedef struct TemplateToken {
    const char *content; /* NULL: nothing */
    int id;              /* that it says the token has; -1: it does not */
} TemplateToken;

typedef struct Pipeline {
    TokenizerKind kind; /* SPM: spaces as U+2581, of a BPE or a Unigram model */
    bool add_prefix, prefix_once, prefix_first;
    bool normalizes;  /* spaces are marked, and the prefix added, before added tokens that are
                         `normalized` are looked for */
    bool split_words; /* SPM: nothing crosses the start of a word */
    NormalForm form;  /* before all else */
    const uint8_t *charsmap; /* NORMAL_CHARSMAP: charsmap_bytes */
    int charsmap_bytes, squeeze;
    bool clusters;
    Pattern pattern; /* BYTE_LEVEL */
    BertText bert;   /* WORDPIECE; most_chars is the model's to say */
    TemplateToken bos, after;
    bool pairs, typed_pairs; /* two texts make a sequence, with `between` between them */
    int n_between;
    TemplateToken between[2];
} Pipeline;

Pipeline read_pipeline(Arena *a, const char *path, const json_t *root);

/* import/tokenizer_precompiled.c: the steps of a normalizer that begins with Precompiled; false: it
 * does not. check_split: fatal unless WhitespaceSplit finds no words but those between spaces.
 * check_mapped: fatal unless the written form of an added token, ASCII, stays as it is. */
bool read_precompiled(Arena *a, const char *path, const json_t *const *step, int n, Pipeline *p);
void check_split(Arena *a, const char *path, const Pipeline *p);
void check_mapped(Arena *a, const char *path, const char *s, const Tokenizer *t);

#endif
