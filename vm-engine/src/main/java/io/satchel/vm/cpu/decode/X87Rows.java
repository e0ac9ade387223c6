package io.satchel.vm.cpu.decode;

import io.satchel.vm.cpu.decode.OpcodeMap.Trait;
import io.satchel.vm.cpu.semantics.Fxsave;
import io.satchel.vm.cpu.semantics.X87;
import io.satchel.vm.cpu.semantics.X87.Condition;
import io.satchel.vm.cpu.semantics.X87.Format;
import io.satchel.vm.cpu.semantics.X87.Function;
import io.satchel.vm.cpu.semantics.X87.Function2;
import io.satchel.vm.cpu.semantics.X87.Operation;
import io.satchel.vm.cpu.semantics.X87.PushingFunction;

/**
 * The escape opcodes D8 to DF, and WAIT (SDM volume 2, appendix A.5).
 *
 * <p>Register forms have no operands in their text: which registers they name follows from the
 * opcode. The rows whose mnemonic ends in a digit (FCOM2, FXCH4 ...) are aliases that processors
 * have always had.
 */
final class X87Rows {

  private X87Rows() {}

  static void add(OpcodeMap map) {
    arithmetic(map);
    loadsAndStores(map);
    registers(map);
    functions(map);
    control(map);
  }

  private static void row(OpcodeMap map, int opcode, String text, Effect effect) {
    map.effect(opcode, text, effect, Trait.X87);
  }

  private static void noWait(OpcodeMap map, int opcode, String text, Effect effect) {
    map.effect(opcode, text, effect, Trait.X87_NO_WAIT);
  }

  private static void arithmetic(OpcodeMap map) {
    for (Operation operation : Operation.values()) {
      int n = operation.ordinal();
      String name = operation.name();
      if (operation == Operation.COM || operation == Operation.COMP) {
        int pops = n - 2;
        row(map, 0xD8, "F" + name + " Md /" + n, (c, i) -> X87.compare(c, i, Format.SINGLE, pops));
        row(map, 0xDC, "F" + name + " Mq /" + n, (c, i) -> X87.compare(c, i, Format.DOUBLE, pops));
        row(map, 0xDA, "FI" + name + " Md /" + n, (c, i) -> X87.compare(c, i, Format.INT32, pops));
        row(map, 0xDE, "FI" + name + " Mw /" + n, (c, i) -> X87.compare(c, i, Format.INT16, pops));
        Effect effect = (c, i) -> X87.compare(c, i, i.rm & 7, false, pops);
        row(map, 0xD8, "F" + name + " /" + n + " reg", effect);
        row(map, 0xDC, "F" + name + (n == 2 ? 2 : 3) + " /" + n + " reg", effect);
        continue;
      }
      row(
          map,
          0xD8,
          "F" + name + " Md /" + n,
          (c, i) -> X87.arithmetic(c, i, operation, Format.SINGLE));
      row(
          map,
          0xDC,
          "F" + name + " Mq /" + n,
          (c, i) -> X87.arithmetic(c, i, operation, Format.DOUBLE));
      row(
          map,
          0xDA,
          "FI" + name + " Md /" + n,
          (c, i) -> X87.arithmetic(c, i, operation, Format.INT32));
      row(
          map,
          0xDE,
          "FI" + name + " Mw /" + n,
          (c, i) -> X87.arithmetic(c, i, operation, Format.INT16));
      row(
          map,
          0xD8,
          "F" + name + " /" + n + " reg",
          (c, i) -> X87.arithmetic(c, i, operation, 0, i.rm & 7, false));
      // With ST(i) as the destination the reversed forms have changed places.
      int swapped = n < 4 ? n : n ^ 1;
      row(
          map,
          0xDC,
          "F" + name + " /" + swapped + " reg",
          (c, i) -> X87.arithmetic(c, i, operation, i.rm & 7, 0, false));
      row(
          map,
          0xDE,
          "F" + name + "P /" + swapped + " reg",
          (c, i) -> X87.arithmetic(c, i, operation, i.rm & 7, 0, true));
    }
    row(map, 0xDE, "FCOMP5 /2 reg", (c, i) -> X87.compare(c, i, i.rm & 7, false, 1));
    row(map, 0xDE, "FCOMPP /3 reg rm=1", (c, i) -> X87.compare(c, i, 1, false, 2));
    row(map, 0xDA, "FUCOMPP /5 reg rm=1", (c, i) -> X87.compare(c, i, 1, true, 2));
    row(map, 0xDD, "FUCOM /4 reg", (c, i) -> X87.compare(c, i, i.rm & 7, true, 0));
    row(map, 0xDD, "FUCOMP /5 reg", (c, i) -> X87.compare(c, i, i.rm & 7, true, 1));
    row(map, 0xDB, "FUCOMI /5 reg +CMOV", (c, i) -> X87.compareToFlags(c, i, true, false));
    row(map, 0xDB, "FCOMI /6 reg +CMOV", (c, i) -> X87.compareToFlags(c, i, false, false));
    row(map, 0xDF, "FUCOMIP /5 reg +CMOV", (c, i) -> X87.compareToFlags(c, i, true, true));
    row(map, 0xDF, "FCOMIP /6 reg +CMOV", (c, i) -> X87.compareToFlags(c, i, false, true));
  }

  private static void loadsAndStores(OpcodeMap map) {
    row(map, 0xD9, "FLD Md /0", (c, i) -> X87.load(c, i, Format.SINGLE, true));
    row(map, 0xDD, "FLD Mq /0", (c, i) -> X87.load(c, i, Format.DOUBLE, true));
    row(map, 0xDB, "FLD Mt /5", (c, i) -> X87.load(c, i, Format.EXTENDED, false));
    row(map, 0xDF, "FILD Mw /0", (c, i) -> X87.load(c, i, Format.INT16, false));
    row(map, 0xDB, "FILD Md /0", (c, i) -> X87.load(c, i, Format.INT32, false));
    row(map, 0xDF, "FILD Mq /5", (c, i) -> X87.load(c, i, Format.INT64, false));
    row(map, 0xDF, "FBLD Mt /4", (c, i) -> X87.load(c, i, Format.BCD, false));

    row(map, 0xD9, "FST Md /2", (c, i) -> X87.store(c, i, Format.SINGLE, false));
    row(map, 0xDD, "FST Mq /2", (c, i) -> X87.store(c, i, Format.DOUBLE, false));
    row(map, 0xDF, "FIST Mw /2", (c, i) -> X87.store(c, i, Format.INT16, false));
    row(map, 0xDB, "FIST Md /2", (c, i) -> X87.store(c, i, Format.INT32, false));

    row(map, 0xD9, "FSTP Md /3", (c, i) -> X87.store(c, i, Format.SINGLE, true));
    row(map, 0xDD, "FSTP Mq /3", (c, i) -> X87.store(c, i, Format.DOUBLE, true));
    row(map, 0xDB, "FSTP Mt /7", (c, i) -> X87.store(c, i, Format.EXTENDED, true));
    row(map, 0xDF, "FISTP Mw /3", (c, i) -> X87.store(c, i, Format.INT16, true));
    row(map, 0xDB, "FISTP Md /3", (c, i) -> X87.store(c, i, Format.INT32, true));
    row(map, 0xDF, "FISTP Mq /7", (c, i) -> X87.store(c, i, Format.INT64, true));
    row(map, 0xDF, "FBSTP Mt /6", (c, i) -> X87.store(c, i, Format.BCD, true));

    row(map, 0xDF, "FISTTP Mw /1", (c, i) -> X87.storeTruncated(c, i, Format.INT16));
    row(map, 0xDB, "FISTTP Md /1", (c, i) -> X87.storeTruncated(c, i, Format.INT32));
    row(map, 0xDD, "FISTTP Mq /1", (c, i) -> X87.storeTruncated(c, i, Format.INT64));
  }

  private static void registers(OpcodeMap map) {
    row(map, 0xD9, "FLD /0 reg", X87::loadRegister);
    row(map, 0xDD, "FST /2 reg", (c, i) -> X87.storeRegister(c, i, false));
    row(map, 0xDD, "FSTP /3 reg", (c, i) -> X87.storeRegister(c, i, true));
    row(map, 0xD9, "FSTP1 /3 reg", X87::storeRegisterUnchecked);
    row(map, 0xDF, "FSTP8 /2 reg", (c, i) -> X87.storeRegister(c, i, true));
    row(map, 0xDF, "FSTP9 /3 reg", (c, i) -> X87.storeRegister(c, i, true));
    row(map, 0xD9, "FXCH /1 reg", X87::exchange);
    row(map, 0xDD, "FXCH4 /1 reg", X87::exchange);
    row(map, 0xDF, "FXCH7 /1 reg", X87::exchange);
    row(map, 0xDD, "FFREE /0 reg", (c, i) -> X87.free(c, i, false));
    row(map, 0xDF, "FFREEP /0 reg", (c, i) -> X87.free(c, i, true));
    for (Condition condition : Condition.values()) {
      int n = condition.ordinal();
      row(
          map,
          0xDA,
          "FCMOV" + condition + " /" + n + " reg +CMOV",
          (c, i) -> X87.moveIf(c, i, condition, true));
      row(
          map,
          0xDB,
          "FCMOVN" + condition + " /" + n + " reg +CMOV",
          (c, i) -> X87.moveIf(c, i, condition, false));
    }
    row(map, 0xD9, "FCHS /4 reg rm=0", (c, i) -> X87.sign(c, i, false));
    row(map, 0xD9, "FABS /4 reg rm=1", (c, i) -> X87.sign(c, i, true));
    row(map, 0xD9, "FTST /4 reg rm=4", X87::test);
    row(map, 0xD9, "FXAM /4 reg rm=5", X87::examine);
    row(map, 0xD9, "FNOP /2 reg rm=0", X87::nop);
    row(map, 0xD9, "FDECSTP /6 reg rm=6", (c, i) -> X87.rotate(c, i, -1));
    row(map, 0xD9, "FINCSTP /6 reg rm=7", (c, i) -> X87.rotate(c, i, 1));

    // Significand rounded to nearest, exponent, and what directed rounding changes.
    constant(map, "FLD1", 0, 0x8000_0000_0000_0000L, 0x3FFF, 0, 0);
    constant(map, "FLDL2T", 1, 0xD49A_784B_CD1B_8AFEL, 0x4000, 1, 0);
    constant(map, "FLDL2E", 2, 0xB8AA_3B29_5C17_F0BCL, 0x3FFF, 0, -1);
    constant(map, "FLDPI", 3, 0xC90F_DAA2_2168_C235L, 0x4000, 0, -1);
    constant(map, "FLDLG2", 4, 0x9A20_9A84_FBCF_F799L, 0x3FFD, 0, -1);
    constant(map, "FLDLN2", 5, 0xB172_17F7_D1CF_79ACL, 0x3FFE, 0, -1);
    constant(map, "FLDZ", 6, 0, 0, 0, 0);
  }

  private static void constant(
      OpcodeMap map, String name, int rm, long significand, int exponent, int up, int down) {
    row(
        map,
        0xD9,
        name + " /5 reg rm=" + rm,
        (c, i) -> X87.loadConstant(c, i, significand, exponent, up, down));
  }

  private static void functions(OpcodeMap map) {
    function(map, "F2XM1 /6 reg rm=0", Function.F2XM1);
    function2(map, "FYL2X /6 reg rm=1", Function2.YL2X);
    pushing(map, "FPTAN /6 reg rm=2", PushingFunction.PTAN);
    function2(map, "FPATAN /6 reg rm=3", Function2.PATAN);
    pushing(map, "FXTRACT /6 reg rm=4", PushingFunction.XTRACT);
    function(map, "FPREM1 /6 reg rm=5", Function.PREM1);
    function(map, "FPREM /7 reg rm=0", Function.PREM);
    function2(map, "FYL2XP1 /7 reg rm=1", Function2.YL2XP1);
    function(map, "FSQRT /7 reg rm=2", Function.SQRT);
    pushing(map, "FSINCOS /7 reg rm=3", PushingFunction.SINCOS);
    function(map, "FRNDINT /7 reg rm=4", Function.RNDINT);
    function(map, "FSCALE /7 reg rm=5", Function.SCALE);
    function(map, "FSIN /7 reg rm=6", Function.SIN);
    function(map, "FCOS /7 reg rm=7", Function.COS);
  }

  private static void function(OpcodeMap map, String text, Function function) {
    row(map, 0xD9, text, (c, i) -> X87.function(c, i, function));
  }

  private static void function2(OpcodeMap map, String text, Function2 function) {
    row(map, 0xD9, text, (c, i) -> X87.function2(c, i, function));
  }

  private static void pushing(OpcodeMap map, String text, PushingFunction function) {
    row(map, 0xD9, text, (c, i) -> X87.functionPushing(c, i, function));
  }

  private static void control(OpcodeMap map) {
    map.effect(0x9B, "FWAIT", X87::wait);
    row(map, 0xD9, "FLDCW Mw /5", X87::loadControl);
    row(map, 0xD9, "FLDENV M /4", X87::loadEnvironment);
    row(map, 0xDD, "FRSTOR M /4", X87::restore);
    noWait(map, 0xD9, "FNSTENV M /6", X87::storeEnvironment);
    noWait(map, 0xD9, "FNSTCW Mw /7", X87::storeControl);
    noWait(map, 0xDD, "FNSAVE M /6", X87::save);
    noWait(map, 0xDD, "FNSTSW Mw /7", X87::storeStatus);
    noWait(map, 0xDF, "FNSTSW /4 reg rm=0", X87::storeStatusAx);
    map.effect(0x0FAE, "FXSAVE M /0 np +FXSR", Fxsave::fxsave);
    map.effect(0x0FAE, "FXRSTOR M /1 np +FXSR", Fxsave::fxrstor);
    noWait(map, 0xDB, "FENI /4 reg rm=0", X87::nothing);
    noWait(map, 0xDB, "FDISI /4 reg rm=1", X87::nothing);
    noWait(map, 0xDB, "FNCLEX /4 reg rm=2", X87::clearExceptions);
    noWait(map, 0xDB, "FNINIT /4 reg rm=3", X87::init);
    noWait(map, 0xDB, "FSETPM /4 reg rm=4", X87::nothing);
  }
}
