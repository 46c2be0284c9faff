// What the passes on the processor share: pieces of work, each given to a loop. Sums over pixels are taken piece by
// piece and then added, so no result depends on the number of threads.
#pragma once

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <type_traits>

#include "kernels/checks.h"
#include "kernels/loops.h"

namespace pioneer::cpu {

constexpr int64_t kRows = 128;                   // pixels in a piece
constexpr int64_t kElements = int64_t{1} << 16;  // numbers in a piece of a parameter

/// Image rows in a piece; an image may be empty.
inline int64_t rowsAtOnce(int64_t width) { return std::max<int64_t>(1, kRows / std::max<int64_t>(1, width)); }

template <typename T>
T* data(const Tensor& x) {
  return static_cast<T*>(x.data_ptr());
}

/// What body gives with the loops of a dtype and a null pointer that tells the element type.
template <typename Body>
auto byType(at::ScalarType type, Body body) {
  if (type == at::kFloat) return body(loops().float32, static_cast<float*>(nullptr));
  return body(loops().bfloat16, static_cast<Bf16*>(nullptr));
}
#define ELEMENT std::remove_pointer_t<decltype(type)>

/// Calls body(piece, begin, end) for pieces of `size` things out of `count`, in parallel.
template <typename Body>
void forPieces(int64_t count, int64_t size, Body body) {
  at::parallel_for(0, (count + size - 1) / size, 1, [&](int64_t first, int64_t last) {
    for (int64_t piece = first; piece < last; piece++) body(piece, piece * size, std::min(count, (piece + 1) * size));
  });
}

inline int64_t pieceCount(int64_t count, int64_t size) { return (count + size - 1) / size; }

/// Where the gradient of a bias is gathered, one row a piece.
inline Tensor sums(int64_t pieces, int64_t channels, const Tensor& like) {
  return at::zeros({pieces, channels}, like.options().dtype(at::kFloat).memory_format(c10::nullopt));
}

}  // namespace pioneer::cpu
