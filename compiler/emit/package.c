/* Manifests of the ecosystems that a generated folder can be dropped into: the same sources are at
 * once a CMake library, an ESP-IDF component, a Zephyr module, an Arduino and a PlatformIO library,
 * a CMSIS-Pack and a Makefile fragment. Templates are in runtime_template/package/. */
#include "emit.h"

#include <string.h>

#define IN(package) 1U << PACKAGE_##package

/* @name@ in a path stands for the prefix. `file` is what @file@ means in a forwarding file. */
static const struct {
    unsigned packages; /* that have it */
    const char *path, *template, *file;
} package_files[] = {
    {IN(CMAKE) | IN(ESP_IDF), "CMakeLists.txt", "CMakeLists.txt", NULL},
    {IN(CMAKE) | IN(MAKE), "test/@name@_check.c", "check.c", NULL},
    {IN(ZEPHYR), "zephyr/module.yml", "zephyr/module.yml", NULL},
    {IN(ZEPHYR), "zephyr/CMakeLists.txt", "zephyr/CMakeLists.txt", NULL},
    {IN(ZEPHYR), "zephyr/Kconfig", "zephyr/Kconfig", NULL},
    {IN(ESP_IDF), "idf_component.yml", "idf_component.yml", NULL},
    {IN(ARDUINO), "library.properties", "arduino/library.properties", NULL},
    {IN(ARDUINO), "examples/@name@_tell/@name@_tell.ino", "arduino/sketch.ino", NULL},
    {IN(PLATFORMIO), "library.json", "library.json", NULL},
    {IN(ARDUINO) | IN(PLATFORMIO), "src/@name@.h", "arduino/forward.h", "@name@.h"},
    {IN(ARDUINO) | IN(PLATFORMIO), "src/@name@.c", "arduino/forward.h", "@name@.c"},
    {IN(ARDUINO) | IN(PLATFORMIO), "src/@name@_weights.c", "arduino/forward.h", "@name@_weights.c"},
    {IN(ARDUINO) | IN(PLATFORMIO), "src/@name@_tokenizer.c", "arduino/forward.h",
     "@name@_tokenizer.c"},
    {IN(ARDUINO) | IN(PLATFORMIO), "src/@name@_selftest.c", "arduino/forward.h",
     "@name@_selftest.c"},
    {IN(CMSIS), "lmcc.@name@.pdsc", "package.pdsc", NULL},
    {IN(MAKE), "@name@.mk", "package.mk", NULL},
};

static const char *description(const Emission *e)
{
    return arena_printf(e->arena, "%s: a %s language model of %lld parameters, compiled by lmcc",
                        e->name, e->unit->original->family,
                        (long long)model_parameters(e->unit->original));
}

/* The text with each @word@ replaced; other uses of the sign are left alone. */
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
        if (!(package_files[i].packages & e->unit->recipe->packages))
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
