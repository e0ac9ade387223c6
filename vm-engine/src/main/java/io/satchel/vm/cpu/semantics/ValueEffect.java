package io.satchel.vm.cpu.semantics;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.decode.Effect;
import io.satchel.vm.cpu.decode.Instruction;
import io.satchel.vm.cpu.decode.Operand;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The common code around a value: loads operands, calls the method, writes back, then sets flags
 * and registers. A destination in memory is checked for writing first, so that a fault has the
 * error code of a write.
 */
public final class ValueEffect {

  private ValueEffect() {}

  /** The whole instruction for a value on these operands. */
  public static Effect of(@Nullable Value value, List<Operand> operands) {
    if (value == null) {
      throw new IllegalArgumentException("a row needs a value or an effect");
    }
    Operand destination = operands.getFirst();
    // IMUL Gv,Ev,Iv: the operands behind the destination are the sources.
    boolean three = operands.size() == 3;
    Operand first = three ? operands.get(1) : destination;
    @Nullable Operand second = operands.size() > 1 ? operands.getLast() : null;
    return switch (value.shape()) {
      case COPY, EXTEND -> {
        Operand source = second == null ? destination : second;
        yield (cpu, i) -> {
          // An immediate was sign-extended by the decoder: of 32 bits, it fills 64.
          int from = (source.method() == 'I' ? destination : source).width(i);
          long result = value.function().apply(load(cpu, i, source, from), 0, from);
          store(cpu, i, destination, destination.width(i), result);
        };
      }
      default -> (cpu, i) -> execute(cpu, i, value, destination, first, second);
    };
  }

  private static void execute(
      CpuState cpu,
      Instruction i,
      Value value,
      Operand destination,
      Operand first,
      @Nullable Operand second) {
    int width = destination.width(i);
    if (value.writes() && i.memory && destination.method() == 'E') {
      Operands.checkStore(cpu, i, 0, width);
    }
    long a = load(cpu, i, first, width);
    long b = 0;
    int c = 0;
    switch (value.shape()) {
      case BINARY -> b = load(cpu, i, second, width);
      case CARRY -> {
        b = load(cpu, i, second, width);
        c = cpu.carry();
      }
      case SHIFT -> {
        b = load(cpu, i, second, 1) & (width == 8 ? 63 : 31);
        c = width;
      }
      default -> {}
    }
    long result = Operands.truncate(value.function().apply(a, b, c), width);
    if (value.writes()) {
      store(cpu, i, destination, width, result);
    }
    if (value.shape() != Value.Shape.SHIFT || b != 0) {
      value.rule().apply(cpu, width, a, b, result);
    }
  }

  private static long load(CpuState cpu, Instruction i, @Nullable Operand operand, int width) {
    if (operand == null) {
      return 0;
    }
    return switch (operand.method()) {
      case 'E', 'M' -> Operands.loadRm(cpu, i, width);
      case 'O' -> Operands.load(cpu, i, 0, width);
      case 'G' -> Operands.register(cpu, i, i.reg, width);
      case 'Z' -> Operands.register(cpu, i, i.rm, width);
      case 'I' -> Operands.truncate(i.immediate, width);
      case '1' -> 1;
      default -> Operands.truncate(cpu.gpr[operand.register()], width);
    };
  }

  private static void store(CpuState cpu, Instruction i, Operand operand, int width, long value) {
    switch (operand.method()) {
      case 'E', 'M' -> Operands.storeRm(cpu, i, width, value);
      case 'O' -> Operands.store(cpu, i, 0, width, value);
      case 'G' -> Operands.setRegister(cpu, i, i.reg, width, value);
      case 'Z' -> Operands.setRegister(cpu, i, i.rm, width, value);
      default -> Operands.setRegister(cpu, i, operand.register(), width, value);
    }
  }
}
