package io.satchel.vm.cpu.semantics;

/**
 * An instruction that is a pure function of its operands, and the rule by which it sets flags.
 *
 * <p>Operands come zero-extended from their width; common code truncates the result. {@code owner}
 * and {@code method} name the static method, for an engine that calls it by {@code invokestatic};
 * {@code function} is the same method.
 *
 * @param owner the class of the method
 * @param method its name
 * @param shape which arguments it takes
 * @param rule how the flags follow
 * @param writes false for CMP and TEST, which set flags only
 */
public record Value(
    Class<?> owner, String method, Shape shape, FlagRule rule, boolean writes, Function function) {

  /** What a method takes. */
  public enum Shape {
    /** {@code f(source)}: the destination is not read. */
    COPY,
    /** {@code f(source, width of the source in bytes)}: the destination is not read. */
    EXTEND,
    /** {@code f(destination)}. */
    UNARY,
    /** {@code f(destination, source)}. */
    BINARY,
    /** {@code f(destination, source, CF)}. */
    CARRY,
    /**
     * {@code f(destination, count, width in bytes)}; the count is masked to 5 bits, or 6 for 64-bit
     * operands, and when it is 0 no flag changes.
     */
    SHIFT
  }

  /** The method with the arguments of its shape; those beyond are ignored. */
  @FunctionalInterface
  public interface Function {
    long apply(long a, long b, int c);
  }

  /** A method of one argument. */
  @FunctionalInterface
  public interface Unary {
    long apply(long a);
  }

  /** A method of two arguments. */
  @FunctionalInterface
  public interface Binary {
    long apply(long a, long b);
  }

  /** A method of a value and a width. */
  @FunctionalInterface
  public interface Extension {
    long apply(long a, int width);
  }

  static Value copy(Class<?> owner, String method, Unary function) {
    return new Value(
        owner, method, Shape.COPY, FlagRule.NONE, true, (a, b, c) -> function.apply(a));
  }

  static Value extend(Class<?> owner, String method, Extension function) {
    return new Value(
        owner, method, Shape.EXTEND, FlagRule.NONE, true, (a, b, c) -> function.apply(a, c));
  }

  static Value unary(Class<?> owner, String method, FlagRule rule, Unary function) {
    return new Value(owner, method, Shape.UNARY, rule, true, (a, b, c) -> function.apply(a));
  }

  static Value binary(Class<?> owner, String method, FlagRule rule, Binary function) {
    return new Value(owner, method, Shape.BINARY, rule, true, (a, b, c) -> function.apply(a, b));
  }

  static Value flagsOnly(Class<?> owner, String method, FlagRule rule, Binary function) {
    return new Value(owner, method, Shape.BINARY, rule, false, (a, b, c) -> function.apply(a, b));
  }

  static Value carry(Class<?> owner, String method, FlagRule rule, Function function) {
    return new Value(owner, method, Shape.CARRY, rule, true, function);
  }

  static Value shift(Class<?> owner, String method, FlagRule rule, Function function) {
    return new Value(owner, method, Shape.SHIFT, rule, true, function);
  }
}
