package io.satchel.vm.snapshot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.satchel.vm.bus.IoPorts;
import io.satchel.vm.cpu.CpuModel;
import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.FpuState;
import io.satchel.vm.cpu.Mmu;
import io.satchel.vm.memory.AddressMap;
import io.satchel.vm.memory.GuestMemory;
import java.lang.reflect.Array;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

class CpuSnapshotTests {

  /**
   * Wires, services and scratch space, and what only says how the present run is doing; {@code
   * pending} is kept as {@code intr} and {@code nmi}.
   */
  private static final Set<String> NOT_STATE =
      Set.of(
          "fpu",
          "mmu",
          "ports",
          "model",
          "tsc",
          "interruptController",
          "ferr",
          "apicBaseChanged",
          "fault",
          "random",
          "apic",
          "apicId",
          "yields",
          "iterations",
          "lastIteration",
          "dozing",
          "dozingThrough",
          "polls",
          "simdExceptions",
          "resultHigh",
          "vectorScratch",
          "pending");

  /** Where an operation leaves a second result for its caller. */
  private static final Set<String> FPU_NOT_STATE = Set.of("result");

  private static CpuState cpu() {
    GuestMemory memory = new GuestMemory(1 << 20, 0);
    return new CpuState(new Mmu(new AddressMap(memory)), new IoPorts(), CpuModel.named("pentium3"));
  }

  @Test
  void everyFieldOfAProcessorIsInItsSnapshotOrNamedAsNoState() {
    assertThat(fields(CpuState.class, NOT_STATE)).isSubsetOf(components(CpuSnapshot.class));
    assertThat(fields(FpuState.class, FPU_NOT_STATE)).isSubsetOf(components(CpuSnapshot.Fpu.class));
  }

  private static Set<String> fields(Class<?> type, Set<String> but) {
    Set<String> names = new TreeSet<>();
    for (Field field : type.getDeclaredFields()) {
      if (!Modifier.isStatic(field.getModifiers()) && !but.contains(field.getName())) {
        names.add(field.getName());
      }
    }
    assertThat(names).hasSizeGreaterThan(10);
    return names;
  }

  private static List<String> components(Class<?> type) {
    return Arrays.stream(type.getRecordComponents()).map(c -> c.getName()).toList();
  }

  @Test
  void aRestoredProcessorHasTheValueOfEveryField() throws Exception {
    CpuState saved = cpu();
    Random random = new Random(1);
    scramble(saved, CpuState.class, NOT_STATE, random);
    scramble(saved.fpu, FpuState.class, FPU_NOT_STATE, random);
    saved.cpl = 3;
    saved.flagRule = 9;
    saved.fpu.top = 5;
    Arrays.fill(saved.gpr, 16, saved.gpr.length, 0);
    saved.raiseNmi();
    byte[] bytes = StateCodec.encode(CpuSnapshot.of(saved));
    CpuState restored = cpu();
    StateCodec.decode(bytes, CpuSnapshot.class, "cpu").restore(restored);
    compare(saved, restored, CpuState.class, NOT_STATE);
    compare(saved.fpu, restored.fpu, FpuState.class, FPU_NOT_STATE);
    assertThat(restored.pending()).isEqualTo(CpuState.PENDING_NMI);
    assertThat(StateCodec.encode(CpuSnapshot.of(restored))).isEqualTo(bytes);
  }

  private static void scramble(Object target, Class<?> type, Set<String> but, Random random)
      throws IllegalAccessException {
    for (Field field : type.getDeclaredFields()) {
      if (Modifier.isStatic(field.getModifiers()) || but.contains(field.getName())) {
        continue;
      }
      field.setAccessible(true);
      Class<?> kind = field.getType();
      if (kind == long.class) {
        field.setLong(target, random.nextLong());
      } else if (kind == int.class) {
        field.setInt(target, random.nextInt());
      } else if (kind == boolean.class) {
        field.setBoolean(target, !field.getBoolean(target));
      } else if (field.get(target) instanceof long[] longs) {
        Arrays.setAll(longs, i -> random.nextLong());
      } else if (field.get(target) instanceof int[] ints) {
        Arrays.setAll(ints, i -> random.nextInt());
      } else {
        throw new AssertionError("how is " + field + " saved?");
      }
    }
  }

  private static void compare(Object one, Object other, Class<?> type, Set<String> but)
      throws IllegalAccessException {
    for (Field field : type.getDeclaredFields()) {
      if (Modifier.isStatic(field.getModifiers()) || but.contains(field.getName())) {
        continue;
      }
      field.setAccessible(true);
      assertThat(text(field.get(other))).as(field.getName()).isEqualTo(text(field.get(one)));
    }
  }

  private static String text(Object value) {
    if (!value.getClass().isArray()) {
      return value.toString();
    }
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < Array.getLength(value); i++) {
      text.append(Array.get(value, i)).append(' ');
    }
    return text.toString();
  }

  @Test
  void aStateThatNoProcessorCanHaveIsRefused() {
    CpuState cpu = cpu();
    cpu.cpl = 4;
    assertThatThrownBy(() -> CpuSnapshot.of(cpu)).hasMessageContaining("privilege level");
    cpu.cpl = 0;
    cpu.flagRule = 1000;
    assertThatThrownBy(() -> CpuSnapshot.of(cpu)).hasMessageContaining("rule of the flags");
  }
}
