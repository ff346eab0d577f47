/* Protocol buffers as they stand in a file: the fields of a message, one after the other. What they
 * mean is the caller's to know. (protobuf.dev/programming-guides/encoding) */
#include "import.h"

static uint64_t take_varint(ProtoMessage *m)
{
    uint64_t v = 0;
    for (int shift = 0; shift < 70 && m->at < m->end; shift += 7) {
        const uint8_t byte = *m->at++;
        v |= shift < 64 ? (uint64_t)(byte & 0x7F) << shift : 0;
        if (!(byte & 0x80))
            return v;
    }
    fatal("%s: a number ends too late or not at all (is this a SentencePiece model?)", m->path);
}

static uint64_t take_fixed(ProtoMessage *m, size_t n)
{
    uint64_t v = 0;
    if ((size_t)(m->end - m->at) < n)
        fatal("%s: ends inside a field (is this a SentencePiece model?)", m->path);
    for (size_t i = 0; i < n; i++)
        v |= (uint64_t)m->at[i] << 8 * i;
    m->at += n;
    return v;
}

bool proto_next(ProtoMessage *m)
{
    if (m->at == m->end)
        return false;
    const uint64_t tag = take_varint(m);
    m->wire = (int)(tag & 7);
    m->number = tag >> 3 < 1U << 29 ? (uint32_t)(tag >> 3) : 0;
    switch (m->wire) {
    case 0: m->value = take_varint(m); break;
    case 1: m->value = take_fixed(m, 8); break;
    case 5: m->value = take_fixed(m, 4); break;
    case 2:
        m->value = take_varint(m);
        if (m->value > (uint64_t)(m->end - m->at))
            fatal("%s: a field of %llu bytes, %zu are left (is this a SentencePiece model?)",
                  m->path, (unsigned long long)m->value, (size_t)(m->end - m->at));
        m->data = m->at;
        m->n = (size_t)m->value;
        m->at += m->n;
        break;
    default: m->number = 0; break;
    }
    if (!m->number || m->wire == 3 || m->wire == 4 || m->wire > 5)
        fatal("%s: not a SentencePiece model: a field of number %u and wire type %d", m->path,
              (unsigned)m->number, m->wire);
    return true;
}

ProtoMessage proto_inside(const ProtoMessage *m)
{
    return (ProtoMessage){.path = m->path, .at = m->data, .end = m->data + m->n};
}
