// The model from C++: a class around a state of its own, besides the story that C tells.
#include "device.h"
#include "story.h"
#include "tell.h"

namespace {

class Model {
public:
    Model() : error_(story_init(&state_)) {}
    int error() const { return error_; }
    bool repeats()
    {
        const uint32_t first = story_logits_hash(&state_, 4);
        return first != 0 && story_logits_hash(&state_, 4) == first;
    }

private:
    story_t state_;
    int error_;
};

Model model; // constructed before main

} // namespace

int main()
{
    uart_init();
    if (model.error() != STORY_OK || !model.repeats()) {
        return 2;
    }
    return tell(uart_write) == 0 ? 0 : 1;
}
