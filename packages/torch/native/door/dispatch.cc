// Any ATen operator, by its schema: arguments are converted as the schema says, the call goes through the dispatcher
// (autograd, autocast and device choice included), results are converted back.
#include "door/addon.h"

#include <cmath>

namespace pioneer {

static c10::IValue toIValue(napi_env env, napi_value value, const c10::TypePtr& type, const std::string& what);

static at::Scalar toScalar(napi_env env, napi_value value, const std::string& what) {
  napi_valuetype kind;
  check(env, napi_typeof(env, value, &kind));
  if (kind == napi_boolean) return toBool(env, value, what.c_str());
  double number = toNumber(env, value, what.c_str());
  bool whole = number == std::floor(number) && std::abs(number) < 9007199254740992.0;
  return whole ? at::Scalar(static_cast<int64_t>(number)) : at::Scalar(number);
}

static c10::IValue toList(napi_env env, napi_value value, const c10::TypePtr& elementType, const std::string& what) {
  bool symbolic = elementType->kind() == c10::TypeKind::SymIntType;
  c10::impl::GenericList list(symbolic ? c10::TypePtr(c10::IntType::get()) : elementType);
  uint32_t length = arrayLength(env, value, what);
  list.reserve(length);
  for (uint32_t i = 0; i < length; i++) {
    list.push_back(toIValue(env, element(env, value, i), elementType, what));
  }
  return list;
}

static c10::IValue toIValue(napi_env env, napi_value value, const c10::TypePtr& type, const std::string& what) {
  switch (type->kind()) {
    case c10::TypeKind::TensorType: return toTensor(env, value, what);
    case c10::TypeKind::NumberType: return toScalar(env, value, what);
    case c10::TypeKind::FloatType: return toNumber(env, value, what.c_str());
    case c10::TypeKind::BoolType: return toBool(env, value, what.c_str());
    case c10::TypeKind::StringType: return toString(env, value, what.c_str());
    case c10::TypeKind::DeviceObjType: return c10::Device(toString(env, value, what.c_str()));
    case c10::TypeKind::IntType:
    case c10::TypeKind::SymIntType: return toInt(env, value, what);
    // libtorch indexes tables with these and does not look twice.
    case c10::TypeKind::ScalarTypeType: return static_cast<int64_t>(toScalarType(env, value, what));
    case c10::TypeKind::LayoutType:
      return toInt(env, value, what, 0, static_cast<int64_t>(c10::Layout::NumOptions) - 1);
    case c10::TypeKind::MemoryFormatType:
      return toInt(env, value, what, 0, static_cast<int64_t>(c10::MemoryFormat::NumOptions) - 1);
    case c10::TypeKind::GeneratorType: {
      auto* generator = state(env).generators.find(toHandle(env, value, what.c_str()));
      if (!generator) throw std::invalid_argument(what + " must be a Generator");
      return *generator;
    }
    case c10::TypeKind::OptionalType:
      if (isNullish(env, value)) return {};
      return toIValue(env, value, type->castRaw<c10::OptionalType>()->getElementType(), what);
    case c10::TypeKind::ListType: return toList(env, value, type->castRaw<c10::ListType>()->getElementType(), what);
    default: throw std::invalid_argument(what + " has type " + type->str() + ", which this binding does not convert");
  }
}

static napi_value fromIValue(napi_env env, const c10::IValue& value) {
  if (value.isTensor()) return fromTensor(env, value.toTensor());
  if (value.isInt()) return fromNumber(env, static_cast<double>(value.toInt()));
  if (value.isDouble()) return fromNumber(env, value.toDouble());
  if (value.isBool()) return fromBool(env, value.toBool());
  if (value.isString()) return fromString(env, value.toStringRef());
  if (value.isScalar()) return fromNumber(env, value.toScalar().toDouble());
  if (value.isNone()) return undefined(env);
  if (value.isList()) {
    auto list = value.toListRef();
    napi_value array;
    check(env, napi_create_array_with_length(env, list.size(), &array));
    for (uint32_t i = 0; i < list.size(); i++) check(env, napi_set_element(env, array, i, fromIValue(env, list[i])));
    return array;
  }
  throw std::runtime_error("a result of type " + value.type()->str() + " is not converted by this binding");
}

/// operator(name, overload): {index, schema, returns: type names}. Throws if libtorch has no such operator.
static napi_value findOperator(napi_env env, napi_callback_info info) {
  return guard(env, [&] {
    auto args = arguments(env, info, 2);
    auto name = toString(env, args[0], "name");
    auto overload = toString(env, args[1], "overload");
    auto found = c10::Dispatcher::singleton().findSchema({name, overload});
    if (!found) {
      throw std::invalid_argument("libtorch has no operator " + name + (overload.empty() ? "" : "." + overload));
    }
    auto& own = state(env);
    napi_value result, returns;
    check(env, napi_create_object(env, &result));
    check(env,
          napi_set_named_property(env, result, "index", fromNumber(env, static_cast<double>(own.operators.size()))));
    auto& schema = found->schema();
    check(env, napi_set_named_property(env, result, "schema", fromString(env, c10::str(schema))));
    check(env, napi_create_array_with_length(env, schema.returns().size(), &returns));
    for (uint32_t i = 0; i < schema.returns().size(); i++) {
      check(env, napi_set_element(env, returns, i, fromString(env, schema.returns()[i].type()->str())));
    }
    check(env, napi_set_named_property(env, result, "returns", returns));
    own.operators.push_back({*found, name});
    return result;
  });
}

/// Tensors among the arguments, for messages: "(input float32[16,3,64,64] cpu, weight float32[32,4,3,3] cpu)".
static std::string describeTensors(const c10::FunctionSchema& schema, const std::vector<c10::IValue>& stack) {
  std::string text;
  for (size_t i = 0; i < stack.size() && i < schema.arguments().size(); i++) {
    if (stack[i].isTensor() && stack[i].toTensor().defined()) {
      text += (text.empty() ? " (" : ", ") + schema.arguments()[i].name() + " " + describe(stack[i].toTensor());
    }
  }
  return text.empty() ? text : text + ")";
}

/// call(operator, arguments[]): the result, or an array of them where the schema returns several. Missing trailing
/// arguments take the schema's defaults.
static napi_value call(napi_env env, napi_callback_info info) {
  return guard(env, [&]() -> napi_value {
    auto args = arguments(env, info, 2);
    auto& operators = state(env).operators;
    auto op = operators[toInt(env, args[0], "operator", 0, static_cast<int64_t>(operators.size()) - 1)];
    auto& schema = op.handle.schema();
    auto& parameters = schema.arguments();
    std::vector<c10::IValue> stack;
    try {
      uint32_t given = arrayLength(env, args[1], "arguments");
      if (given > parameters.size()) {
        throw std::invalid_argument("takes " + std::to_string(parameters.size()) + " arguments, got " +
                                    std::to_string(given));
      }
      stack.reserve(parameters.size());
      for (uint32_t i = 0; i < parameters.size(); i++) {
        auto& parameter = parameters[i];
        napi_value value = i < given ? element(env, args[1], i) : undefined(env);
        napi_valuetype kind;
        check(env, napi_typeof(env, value, &kind));
        if (kind == napi_undefined && parameter.default_value()) {
          stack.push_back(*parameter.default_value());
        } else {
          stack.push_back(toIValue(env, value, parameter.real_type(), parameter.name()));
        }
      }
      op.handle.callBoxed(&stack);
    } catch (const PendingException&) {
      throw;
    } catch (const std::exception& error) {
      throw std::runtime_error(op.name + ": " + firstLine(error) + describeTensors(schema, stack));
    }
    if (stack.empty()) return undefined(env);
    if (stack.size() == 1) return fromIValue(env, stack[0]);
    napi_value results;
    check(env, napi_create_array_with_length(env, stack.size(), &results));
    for (uint32_t i = 0; i < stack.size(); i++)
      check(env, napi_set_element(env, results, i, fromIValue(env, stack[i])));
    return results;
  });
}

const std::vector<Export> dispatchExports = {{"operator", findOperator}, {"call", call}};

}  // namespace pioneer
