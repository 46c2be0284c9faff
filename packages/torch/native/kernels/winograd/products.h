// The loops of winograd/products.inc: matrix products of what lies in a core's cache.
#pragma once

#include <cstdint>

namespace pioneer {

/// Factors of sums lie side by side, `together` of them: as many as one instruction multiplies and adds. A matrix
/// [terms, columns] that columns are read from is packed into panels of kPanel columns, the last one perhaps narrower:
/// [terms / together][columns of the panel][together], one panel behind the other.
constexpr int64_t kPanel = 64;

/// The rows of a product: of row r the terms from t on lie at first[r * next + (t / together) * step].
template <typename T>
struct ProductRows {
  const T* first;
  int64_t next, step;
};

template <typename T>
struct ProductLoops {
  int64_t together;
  /// sums [rows, columns] = the product, or += it. @param terms divisible by `together` @param columns divisible by 16
  void (&multiply)(const ProductRows<T>& a, const T* panels, float* sums, int64_t rows, int64_t terms, int64_t columns,
                   bool add);
  /// The matrix whose term t and column c is from[t * term + c * column], as panels.
  void (&pack)(const T* from, int64_t term, int64_t column, int64_t terms, int64_t columns, T* panels);
  /// Rows t to t + together - 1 of a matrix, each `row` values behind the one before, into its panels.
  void (&packRows)(const T* rows, int64_t row, int64_t t, int64_t terms, int64_t columns, T* panels);
};

}  // namespace pioneer
