/* Manifests of the ecosystems that a generated folder can be dropped into: the same sources are at
 * once a CMake library, an ESP-IDF component, a Zephyr module, an Arduino and a PlatformIO library,
 * a CMSIS-Pack and a Makefile fragment. Templates are in runtime_template/package/. */
#include "emit.h"

#include <string.h>

#define IN(package) 1U << PACKAGE_##package

/* @name@ in a path stands for the prefix. `file` is what @file@ means in a forwarding file. with:
 * what it is there for (emission_has), 0: always. */
static const struct {
    unsigned packages; /* that have it */
    const char *path, *template, *file;
    unsigned with;
} package_files[] = {
    {IN(CMAKE) | IN(ESP_IDF), "CMakeLists.txt", "CMakeLists.txt", NULL, 0},
    {IN(CMAKE) | IN(MAKE), "test/@name@_check.c", "check.c", NULL, 0},
    {IN(ZEPHYR), "zephyr/module.yml", "zephyr/module.yml", NULL, 0},
    {IN(ZEPHYR), "zephyr/CMakeLists.txt", "zephyr/CMakeLists.txt", NULL, 0},
    {IN(ZEPHYR), "zephyr/Kconfig", "zephyr/Kconfig", NULL, 0},
    {IN(ESP_IDF), "idf_component.yml", "idf_component.yml", NULL, 0},
    {IN(ARDUINO), "library.properties", "arduino/library.properties", NULL, 0},
    {IN(ARDUINO), "examples/@name@_tell/@name@_tell.ino", "arduino/sketch.ino", NULL, FOR_DECODERS},
    {IN(ARDUINO), "examples/@name@_read/@name@_read.ino", "arduino/encoder.ino", NULL,
     FOR_ENCODERS},
    {IN(PLATFORMIO), "library.json", "library.json", NULL, 0},
    {IN(ARDUINO) | IN(PLATFORMIO), "src/@name@.h", "arduino/forward.h", "@name@.h", 0},
    {IN(ARDUINO) | IN(PLATFORMIO), "src/@name@.c", "arduino/forward.h", "@name@.c", 0},
    {IN(ARDUINO) | IN(PLATFORMIO), "src/@name@_weights.c", "arduino/forward.h", "@name@_weights.c",
     0},
    {IN(ARDUINO) | IN(PLATFORMIO), "src/@name@_weights.S", "arduino/forward_weights.S", NULL,
     FOR_FORM(WEIGHTS_ASM)},
    {IN(ARDUINO) | IN(PLATFORMIO), "src/@name@_tokenizer.c", "arduino/forward.h",
     "@name@_tokenizer.c", 0},
    {IN(ARDUINO) | IN(PLATFORMIO), "src/@name@_selftest.c", "arduino/forward.h",
     "@name@_selftest.c", 0},
    {IN(CMSIS), "lmcc.@name@.pdsc", "package.pdsc", NULL, 0},
    {IN(MAKE), "@name@.mk", "package.mk", NULL, 0},
};

static const char *description(const Emission *e)
{
    return arena_printf(e->arena, "%s: a %s language model of %lld parameters, compiled by lmcc",
                        e->name, e->unit->original->family,
                        (long long)model_parameters(e->unit->original));
}

/* At one of these words: moves on behind it, or behind its line where that is for something else.
 */
static bool conditional_line(const Emission *e, const char **text)
{
    static const struct {
        const char *word;
        unsigned with;
    } conditions[] = {{"@asm@", FOR_FORM(WEIGHTS_ASM)},
                      {"@blob@", FOR_FORM(WEIGHTS_BLOB)},
                      {"@linked@", FOR_FORM(WEIGHTS_C) | FOR_FORM(WEIGHTS_ASM)},
                      {"@bin@", FOR_FORM(WEIGHTS_ASM) | FOR_FORM(WEIGHTS_BLOB)},
                      {"@decoder@", FOR_DECODERS},
                      {"@encoder@", FOR_ENCODERS}};
    for (size_t i = 0; i < LENGTH(conditions); i++) {
        const size_t n = strlen(conditions[i].word);
        if (strncmp(*text, conditions[i].word, n) != 0)
            continue;
        const size_t line = strcspn(*text, "\n");
        *text += emission_has(e, conditions[i].with) ? n : line + ((*text)[line] == '\n');
        return true;
    }
    return false;
}

/* The text with each @word@ replaced; other uses of the sign are left alone. The words of
 * conditions[] begin lines that are not always there. */
static void substitute_words(const Emission *e, const char *text, const char *file, Buf *b)
{
    const struct {
        const char *word, *value;
    } words[] = {
        {"@name@", e->name},
        {"@NAME@", e->upper},
        {"@version@", LMCC_VERSION},
        {"@description@", description(e)},
        {"@file@", file},
    };
    while (*text) {
        size_t i = 0;
        if (conditional_line(e, &text))
            continue;
        while (i < LENGTH(words) && strncmp(text, words[i].word, strlen(words[i].word)) != 0)
            i++;
        if (i == LENGTH(words)) {
            buf_write(b, text++, 1);
            continue;
        }
        if (strcmp(words[i].word, "@file@") == 0)
            substitute_words(e, file, "", b);
        else
            buf_puts(b, words[i].value);
        text += strlen(words[i].word);
    }
}

static const char *path_of(const Emission *e, size_t i)
{
    Buf b = {0};
    substitute_words(e, package_files[i].path, "", &b);
    const char *path = arena_strndup(e->arena, (const char *)b.data, b.len);
    buf_free(&b);
    return path;
}

void emit_packages(Emission *e, void (*each)(Emission *e, Output *o, const char *name, Buf *b),
                   Output *o)
{
    for (size_t i = 0; i < LENGTH(package_files); i++) {
        if (!(package_files[i].packages & e->unit->recipe->packages) ||
            !emission_has(e, package_files[i].with))
            continue;
        const char *name =
            arena_printf(e->arena, "runtime_template/package/%s", package_files[i].template);
        const EmbeddedFile *f = embedded_find(name);
        if (!f)
            die("no template %s", name);
        Buf b = {0};
        substitute_words(e, f->data, package_files[i].file ? package_files[i].file : "", &b);
        each(e, o, path_of(e, i), &b);
        buf_free(&b);
    }
}
