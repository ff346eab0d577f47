/* Whole documents through the float network: one layer's activations are kept at a time. */
#include "sequence.h"

#include "train/network.h"

#include <string.h>

struct Sequence {
    Arena *arena;
    const Model *model;
    Network *network;
    float **room;     /* ROLES of each layer, embedding, head, positions, patch: dequantized */
    Activations *act; /* of the layer run last */
    int n;            /* tokens */
    float *residual, *normed, *logits;
};

Sequence *sequence_new(Arena *a, const Model *m, int max_tokens)
{
    const size_t rows = (size_t)max_tokens;
    Sequence *s = NEW(a, Sequence, 1);
    s->arena = a;
    s->model = m;
    s->network = network_new(a, m, max_tokens);
    s->room = NEW(a, float *, (size_t)m->n_layers *ROLES + 4);
    s->act = activations_new(a, s->network, -1, max_tokens, false);
    s->residual = NEW(a, float, rows *(size_t)m->dim);
    s->normed = NEW(a, float, rows *(size_t)m->dim);
    s->logits = NEW(a, float, rows *(size_t)m->vocab);
    for (int l = -1; l < m->n_layers; l++) {
        sequence_refresh(s, l);
    }
    return s;
}

void sequence_refresh(Sequence *s, int layer)
{
    const Model *m = s->model;
    Network *n = s->network;
    float **room = s->room + (layer < 0 ? m->n_layers : layer) * ROLES;
    if (layer < 0) {
        n->embed = network_read(s->arena, &m->embed, &room[0]);
        n->head = m->tied_head ? n->embed : network_read(s->arena, &m->head, &room[1]);
        if (m->position == POSITION_LEARNED) {
            n->positions = network_read(s->arena, &m->positions, &room[2]);
        }
        if (model_reads_frames(m)) {
            n->patch = network_read(s->arena, &m->patch, &room[3]);
        }
        n->gamma[network_final_norm(m)] = m->final_norm.gamma;
        return;
    }
    const Block *b = &m->blocks[layer];
    for (int role = 0; role < ROLES; role++) {
        n->weight[layer * ROLES + role] = network_read(s->arena, &b->linear[role], &room[role]);
    }
    n->gamma[network_norm(m, layer, NORM_ATTN)] = b->attn_norm.gamma;
    n->gamma[network_norm(m, layer, NORM_MLP)] = b->mlp_norm.gamma;
    if (m->sub_norm) {
        n->gamma[network_norm(m, layer, NORM_O)] = b->o_norm.gamma;
        n->gamma[network_norm(m, layer, NORM_DOWN)] = b->down_norm.gamma;
    }
    if (m->qk_norm) {
        n->gamma[network_norm(m, layer, NORM_Q)] = b->q_norm.gamma;
        n->gamma[network_norm(m, layer, NORM_K)] = b->k_norm.gamma;
    }
}

void sequence_start(Sequence *s, const int *tokens, int n)
{
    s->n = n;
    network_enter(s->network, tokens, n, s->residual);
}

void sequence_set_residual(Sequence *s, const float *residual, int n)
{
    if (n < 0 || n > s->network->max_tokens) {
        die("sequence: %d tokens of %d", n, s->network->max_tokens);
    }
    memcpy(s->residual, residual, (size_t)n * (size_t)s->model->dim * sizeof(float));
    s->n = n;
}

void sequence_layer(Sequence *s, int layer)
{
    network_layer(s->network, layer, s->act, s->residual, s->n);
}

const float *sequence_logits(Sequence *s)
{
    network_logits(s->network, s->residual, s->n, s->normed, NULL, NULL, s->logits);
    return s->logits;
}

const float *sequence_run(Sequence *s, const int *tokens, int n)
{
    sequence_start(s, tokens, n);
    for (int l = 0; l < s->model->n_layers; l++) {
        sequence_layer(s, l);
    }
    return sequence_logits(s);
}

const float *sequence_residual(const Sequence *s)
{
    return s->residual;
}

const float *sequence_input(const Sequence *s, Role role)
{
    switch (role) {
    case ROLE_Q:
    case ROLE_K:
    case ROLE_V: return s->act->attn_in;
    case ROLE_O: return s->act->o_in;
    case ROLE_GATE:
    case ROLE_UP: return s->act->mlp_in;
    case ROLE_DOWN: return s->act->down_in;
    case ROLES: break;
    }
    die("role %d", (int)role);
}

const float *sequence_head_input(const Sequence *s)
{
    return s->normed;
}
