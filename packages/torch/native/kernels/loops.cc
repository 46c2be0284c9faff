// The rooms' loops in one table, compiled once for each instruction set (CMakeLists.txt) and chosen at load time (choose-loops.cc).
#include "kernels/loops.h"

#include "kernels/parameters/loops.inc"
#include "kernels/pixels/loops.inc"
#include "kernels/weights/loops.inc"
#include "kernels/winograd/loops.inc"

namespace pioneer {
namespace {

template <typename T>
constexpr PixelKernels<T> pixelKernels() {
  return {pixelNormForward<T>, pixelNormBackward<T>, biasForward<T>, biasBackward<T>, poolForward<T>,
          poolBackward<T>,     fade<T>,              scaled<T, float>, scaled<float, T>, foldKernel<T>,
          unfoldKernel<T>,     dot<T>,
          {16, 4, 2, 2, tileToFactors<T>, productsToTile<T>, tileToProducts<T>, kernelToFactors<T>, factorsToKernel<T>},
          {9, 3, 1, 2, patchToFactors9<T>, products9ToTile<T>, tileToProducts9<T>, kernelToFactors9<T>, factors9ToKernel<T>},
          {9, 4, 2, 1, tileToFactors9<T>, products9ToPixel<T>, nullptr, kernelToFactors9<T>, nullptr},
          spectralBackward<T>};
}

}  // namespace

extern const Kernels PIONEER_KERNELS;
const Kernels PIONEER_KERNELS = {pixelKernels<float>(), pixelKernels<Bf16>(), adam, lerp};

}  // namespace pioneer
