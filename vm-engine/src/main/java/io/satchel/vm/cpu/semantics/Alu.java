package io.satchel.vm.cpu.semantics;

/** Addition, subtraction and logic. */
public final class Alu {

  public static final Value ADD = Value.binary(Alu.class, "add", FlagRule.ADD, Alu::add);
  public static final Value OR = Value.binary(Alu.class, "or", FlagRule.LOGIC, Alu::or);
  public static final Value ADC = Value.carry(Alu.class, "adc", FlagRule.ADD, Alu::adc);
  public static final Value SBB = Value.carry(Alu.class, "sbb", FlagRule.SUB, Alu::sbb);
  public static final Value AND = Value.binary(Alu.class, "and", FlagRule.LOGIC, Alu::and);
  public static final Value SUB = Value.binary(Alu.class, "sub", FlagRule.SUB, Alu::sub);
  public static final Value XOR = Value.binary(Alu.class, "xor", FlagRule.LOGIC, Alu::xor);
  public static final Value CMP = Value.flagsOnly(Alu.class, "sub", FlagRule.SUB, Alu::sub);
  public static final Value TEST = Value.flagsOnly(Alu.class, "and", FlagRule.LOGIC, Alu::and);
  public static final Value INC = Value.unary(Alu.class, "inc", FlagRule.INC, Alu::inc);
  public static final Value DEC = Value.unary(Alu.class, "dec", FlagRule.DEC, Alu::dec);
  public static final Value NEG = Value.unary(Alu.class, "neg", FlagRule.NEG, Alu::neg);
  public static final Value NOT = Value.unary(Alu.class, "not", FlagRule.NONE, Alu::not);

  private Alu() {}

  public static long add(long a, long b) {
    return a + b;
  }

  public static long adc(long a, long b, int carry) {
    return a + b + carry;
  }

  public static long sub(long a, long b) {
    return a - b;
  }

  public static long sbb(long a, long b, int carry) {
    return a - b - carry;
  }

  public static long and(long a, long b) {
    return a & b;
  }

  public static long or(long a, long b) {
    return a | b;
  }

  public static long xor(long a, long b) {
    return a ^ b;
  }

  public static long inc(long a) {
    return a + 1;
  }

  public static long dec(long a) {
    return a - 1;
  }

  public static long neg(long a) {
    return -a;
  }

  public static long not(long a) {
    return ~a;
  }
}
