// The entry points, one list for each file that has some; addon.cc registers them all.
#pragma once

#include <node_api.h>

#include <vector>

namespace pioneer {

struct Export {
  const char* name;
  napi_callback function;
};

extern const std::vector<Export> errorExports;
extern const std::vector<Export> tensorExports;
extern const std::vector<Export> dispatchExports;
extern const std::vector<Export> autogradExports;
extern const std::vector<Export> deviceExports;
extern const std::vector<Export> generatorExports;
extern const std::vector<Export> memoryExports;
extern const std::vector<Export> processExports;
extern const std::vector<Export> batchExports;
extern const std::vector<Export> profileExports;
extern const std::vector<Export> graphExports;
extern const std::vector<Export> rankExports;

}  // namespace pioneer
