#include "in/in_verb.h"
#include "resource/process.h"

int main(int argc, char** argv) {
  lockkeeper::resource::run_process(argc, argv, lockkeeper::in::run);
}
