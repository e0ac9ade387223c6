package io.satchel.vm.cpu.decode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.satchel.vm.cpu.CpuModel;
import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.semantics.Value;
import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DecoderTests {

  private final Decoder decoder = new Decoder(Decoder.fullMap());

  private Instruction decode(String hex, int width) {
    byte[] bytes = HexFormat.of().parseHex(hex.replace(" ", "") + "00".repeat(16));
    return decoder.decode(n -> bytes[n] & 0xFF, width);
  }

  @ParameterizedTest
  @CsvSource({
    "01 C0, 4, 'ADD Ev,Gv', 2, 4",
    "66 01 C0, 4, 'ADD Ev,Gv', 3, 2",
    "01 C0, 2, 'ADD Ev,Gv', 2, 2",
    "66 01 C0, 2, 'ADD Ev,Gv', 3, 4",
    "48 01 C0, 8, 'ADD Ev,Gv', 3, 8",
    "50, 8, PUSH Zv, 1, 8",
    "66 50, 8, PUSH Zv, 2, 2",
    "48 B8 8877665544332211, 8, 'MOV Zv,Iv', 10, 8",
    "66 B8 3412, 4, 'MOV Zv,Iv', 4, 2",
    "81 45 08 78563412, 4, 'ADD Ev,Iz /0', 7, 4",
    "0F AF 04 85 00000080, 4, 'IMUL Gv,Ev', 8, 4",
    "C8 3412 05, 4, 'ENTER Iw,Ib', 4, 4",
    "E8 FBFFFFFF, 4, CALL Jz, 5, 4",
    "0F C7 08, 4, CMPXCHG8B Mq /1 +CX8, 3, 4",
    "40, 4, INC Zv, 1, 4",
    "63 C0, 8, 'MOVSXD Gv,Ez', 2, 4"
  })
  void bytesBecomeTheRowOfTheManual(String hex, int width, String text, int length, int operand) {
    Instruction i = decode(hex, width);
    assertThat(i.row().text()).isEqualTo(text);
    assertThat(i.length).isEqualTo(length);
    assertThat(i.operandSize).isEqualTo(operand);
  }

  @ParameterizedTest
  @CsvSource({
    "8B 00, 2, 3, 6, 0, 0",
    "8B 46 FE, 2, 5, 16, 0, -2",
    "8B 06 3412, 2, 16, 16, 0, 4660",
    "8B 44 B3 10, 4, 3, 6, 2, 16",
    "8B 04 24, 4, 4, 16, 0, 0",
    "8B 05 78563412, 4, 16, 16, 0, 305419896",
    "67 8B 00, 4, 3, 6, 0, 0"
  })
  void memoryOperandsHaveTheirParts(
      String hex, int width, int base, int index, int scale, long displacement) {
    Instruction i = decode(hex, width);
    assertThat(i.memory).isTrue();
    assertThat(new int[] {i.base, i.index, i.scale}).containsExactly(base, index, scale);
    assertThat(i.displacement).isEqualTo(displacement);
  }

  @Test
  void theDefaultSegmentFollowsTheBase() {
    assertThat(decode("8B 45 00", 4).segment).isEqualTo(CpuState.SS);
    assertThat(decode("8B 00", 4).segment).isEqualTo(CpuState.DS);
    assertThat(decode("64 8B 45 00", 4).segment).isEqualTo(CpuState.FS);
    assertThat(decode("2E 8B 45 00", 8).segment).isEqualTo(CpuState.SS);
  }

  @Test
  void onlyThe64BitFormIsRelativeToRip() {
    assertThat(decode("8B 05 00000000", 8).ripRelative).isTrue();
    assertThat(decode("8B 05 00000000", 4).ripRelative).isFalse();
  }

  @Test
  void aRexBeforeAPrefixDoesNotCount() {
    Instruction i = decode("48 66 01 C0", 8);
    assertThat(i.operandSize).isEqualTo(2);
    assertThat(i.rex).isZero();
  }

  @Test
  void lockIsUndefinedUnlessTheDestinationIsMemoryAndMayBeLocked() {
    assertThat(decode("F0 01 00", 4).row()).isNotEqualTo(Decoder.UNDEFINED);
    assertThat(decode("F0 01 C0", 4).row()).isEqualTo(Decoder.UNDEFINED);
    assertThat(decode("F0 39 00", 4).row()).isEqualTo(Decoder.UNDEFINED);
    assertThat(decode("F0 8B 00", 4).row()).isEqualTo(Decoder.UNDEFINED);
  }

  @Test
  void whatIsNoInstructionIsUndefined() {
    assertThat(decode("FF F8", 4).row()).isEqualTo(Decoder.UNDEFINED);
    assertThat(decode("0F C7 C8", 4).row()).isEqualTo(Decoder.UNDEFINED);
    assertThat(decode("06", 8).row()).isEqualTo(Decoder.UNDEFINED);
    assertThat(decode("8D C0", 4).row()).isEqualTo(Decoder.UNDEFINED);
  }

  @Test
  void twoRowsForTheSameBytesAreRefused() {
    OpcodeMap map = new OpcodeMap();
    map.effect(0x90, "NOP", (cpu, i) -> {}).effect(0x90, "PAUSE", (cpu, i) -> {});
    assertThatIllegalArgumentException().isThrownBy(() -> new Decoder(map));
  }

  @Test
  void valuesNameTheirMethodAndAgreeWithIt() throws ReflectiveOperationException {
    int seen = 0;
    for (OpcodeMap.Row row : Decoder.fullMap().rows()) {
      Value value = row.value();
      if (value == null) {
        continue;
      }
      seen++;
      Method method =
          Arrays.stream(value.owner().getMethods())
              .filter(m -> m.getName().equals(value.method()))
              .findFirst()
              .orElseThrow();
      Object[] all = {0x1234L, 3L, 4};
      Object[] arguments =
          switch (value.shape()) {
            case COPY, UNARY -> new Object[] {all[0]};
            case EXTEND -> new Object[] {all[0], all[2]};
            case BINARY -> new Object[] {all[0], all[1]};
            case CARRY, SHIFT -> all;
          };
      assertThat(method.invoke(null, arguments))
          .as(row.toString())
          .isEqualTo(value.function().apply(0x1234, 3, 4));
    }
    assertThat(seen).isGreaterThan(100);
  }

  @ParameterizedTest
  @CsvSource({
    "486, 0F 45 C1, UD",
    "pentiumpro, 0F 45 C1, CMOVNZ",
    "486, 0F C7 08, UD",
    "pentium, 0F C7 08, CMPXCHG8B",
    "pentium, 0F FC C1, UD",
    "pentium-mmx, 0F FC C1, PADDB",
    "pentium, DA C1, UD",
    "pentiumpro, DA C1, FCMOVB",
    "pentium, 0F 34, UD",
    "pentiumpro, 0F 34, SYSENTER",
    "pentiumpro, 0F AE 00, UD",
    "pentium2, 0F AE 00, FXSAVE",
    "486, 0F 31, UD",
    "486, 0F 32, UD",
  })
  void aRowExistsOnProcessorsThatHaveItsFeature(String model, String hex, String mnemonic) {
    Decoder gated = new Decoder(Decoder.fullMap(), CpuModel.named(model).features());
    byte[] bytes = HexFormat.of().parseHex(hex.replace(" ", "") + "00".repeat(16));
    assertThat(gated.decode(n -> bytes[n] & 0xFF, 4).row().mnemonic()).isEqualTo(mnemonic);
  }
}
