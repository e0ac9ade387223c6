package io.satchel.vm.cpu.semantics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.satchel.vm.cpu.CpuModel;
import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.GuestFault;
import io.satchel.vm.cpu.decode.Decoder;
import io.satchel.vm.cpu.decode.Instruction;
import java.util.HexFormat;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * When vector instructions are allowed, and what they raise: what a host's user code cannot ask.
 */
class VectorRulesTests {

  private static final String ADDPS = "0F58C1";
  private static final String VADDPS = "C5E858C1";
  private static final String ANDN = "C4E258F2C1";
  private static final int OPERAND = 0x10000;

  private final Bench bench = new Bench();
  private final CpuState cpu = bench.cpu;
  private final Decoder decoder = new Decoder(Decoder.fullMap());

  @BeforeEach
  void consent() {
    cpu.cr4 |= CpuState.CR4_OSFXSR | CpuState.CR4_OSXMMEXCPT | CpuState.CR4_OSXSAVE;
    cpu.xcr0 = 7;
    cpu.gpr[CpuState.RDX] = OPERAND;
  }

  private Instruction decode(Decoder by, String hex, int width) {
    byte[] bytes = HexFormat.of().parseHex(hex + "00".repeat(16));
    return by.decode(n -> bytes[n] & 0xFF, width);
  }

  private void run(String hex) {
    Instruction i = decode(decoder, hex, 4);
    Checks.before(cpu, i.row());
    i.row().effect().execute(cpu, i);
  }

  /** The vector, or -1. */
  private int fault(String hex) {
    GuestFault fault = catchThrowableOfType(GuestFault.class, () -> run(hex));
    return fault == null ? -1 : fault.vector();
  }

  @Test
  void sseNeedsTheSystemsConsent() {
    assertThat(fault(ADDPS)).isEqualTo(-1);
    cpu.cr4 &= ~CpuState.CR4_OSFXSR;
    assertThat(fault(ADDPS)).isEqualTo(GuestFault.UD);
  }

  @Test
  void emulationIsUndefinedAndATaskSwitchNotAvailable() {
    cpu.cr0 |= CpuState.CR0_TS;
    assertThat(fault(ADDPS)).isEqualTo(GuestFault.NM);
    assertThat(fault(VADDPS)).isEqualTo(GuestFault.NM);
    cpu.cr0 |= CpuState.CR0_EM;
    assertThat(fault(ADDPS)).isEqualTo(GuestFault.UD);
    cpu.cr0 &= ~CpuState.CR0_TS;
    assertThat(fault(VADDPS)).as("AVX does not know CR0.EM").isEqualTo(-1);
  }

  @ParameterizedTest
  @ValueSource(strings = {"0FAEF0", "0FAEE8", "0FAEF8", "0FC302", "0F1802", "F390"})
  void fencesMovntiAndHintsDoNotTouchTheVectorState(String hex) {
    cpu.cr0 |= CpuState.CR0_TS | CpuState.CR0_EM;
    cpu.cr4 &= ~CpuState.CR4_OSFXSR;
    assertThat(fault(hex)).isEqualTo(-1);
  }

  @Test
  void avxNeedsOsxsaveAndItsStateInXcr0() {
    assertThat(fault(VADDPS)).isEqualTo(-1);
    cpu.xcr0 = 3;
    assertThat(fault(VADDPS)).isEqualTo(GuestFault.UD);
    cpu.xcr0 = 7;
    cpu.cr4 &= ~CpuState.CR4_OSXSAVE;
    assertThat(fault(VADDPS)).isEqualTo(GuestFault.UD);
    assertThat(fault(ANDN)).as("general registers are no AVX state").isEqualTo(-1);
  }

  @Test
  void realModeHasNoVexPrefix() {
    bench.real();
    assertThat(fault(VADDPS)).isEqualTo(GuestFault.UD);
    assertThat(fault(ANDN)).isEqualTo(GuestFault.UD);
    assertThat(fault(ADDPS)).isEqualTo(-1);
  }

  @Test
  void anUnmaskedExceptionIsVector19AndLeavesTheDestination() {
    cpu.xmm[0] = 0x3F80_0000L;
    cpu.xmm[2] = 0;
    cpu.mxcsr = 0x1F80 & ~(1 << 9);
    assertThat(fault("F30F5EC1")).isEqualTo(GuestFault.XM); // DIVSS XMM0,XMM1
    assertThat(cpu.xmm[0]).isEqualTo(0x3F80_0000L);
    assertThat(cpu.mxcsr & 0x3F).isEqualTo(Simd.ZE);
    assertThat(cpu.simdExceptions).isZero();
    cpu.cr4 &= ~CpuState.CR4_OSXMMEXCPT;
    assertThat(fault("F30F5EC1")).isEqualTo(GuestFault.UD);
  }

  @ParameterizedTest
  @CsvSource({
    "0F2802, 13", // MOVAPS
    "0F1002, -1", // MOVUPS
    "0F5802, 13", // ADDPS
    "0F2902, 13",
    "660FE702, 13", // MOVNTDQ
    "F20FF002, -1", // LDDQU
    "C5F82802, 13", // VMOVAPS
    "C5FC2802, 13",
    "C5F81002, -1",
    "C5E85802, -1", // VADDPS
    "660F3A630200, -1", // PCMPISTRI
    "0F38CC02, 13", // SHA256MSG1
  })
  void operandsThatMustBeAlignedRaiseGeneralProtection(String hex, int vector) {
    assertThat(fault(hex)).isEqualTo(-1);
    cpu.gpr[CpuState.RDX] = OPERAND + 8;
    assertThat(fault(hex)).isEqualTo(vector);
  }

  @Test
  void aVectorBeyondTheLimitRaisesAndStoresNothing() {
    cpu.limit[CpuState.DS] = OPERAND + 14;
    cpu.xmm[0] = -1;
    assertThat(fault("0F1102")).isEqualTo(GuestFault.GP);
    assertThat(bench.get(OPERAND, 8)).isZero();
    cpu.limit[CpuState.DS] = OPERAND + 15;
    assertThat(fault("0F1102")).isEqualTo(-1);
  }

  @Test
  void ldmxcsrRefusesBitsThatDoNotExist() {
    bench.put(OPERAND, 4, 0x1_1F80);
    assertThat(fault("0FAE12")).isEqualTo(GuestFault.GP);
    bench.put(OPERAND, 4, 0xFFFF);
    run("0FAE12");
    run("0FAE5A20"); // STMXCSR [EDX+20h]
    assertThat(bench.get(OPERAND + 0x20, 4)).isEqualTo(0xFFFF);
  }

  @Test
  void vzeroallOf32BitCodeLeavesTheRegistersThatItCannotName() {
    java.util.Arrays.fill(cpu.xmm, 5);
    java.util.Arrays.fill(cpu.ymmHigh, 6);
    run("C5FC77");
    assertThat(cpu.xmm[15]).isZero();
    assertThat(cpu.ymmHigh[15]).isZero();
    assertThat(cpu.xmm[16]).isEqualTo(5);
    assertThat(cpu.ymmHigh[16]).isEqualTo(6);
  }

  @Test
  void rdrandGivesANumberAndSaysSo() {
    cpu.random = () -> 0x1234_5678_9ABC_DEF0L;
    run("0FC7F0");
    assertThat(cpu.gpr[CpuState.RAX]).isEqualTo(0x9ABC_DEF0L);
    assertThat(cpu.arithmeticFlags()).isEqualTo(CpuState.CF);
    run("660FC7FB"); // RDSEED BX
    assertThat(cpu.gpr[CpuState.RBX] & 0xFFFF).isEqualTo(0xDEF0);
  }

  @ParameterizedTest
  @CsvSource({
    "66C5E858C1, UD", // a prefix before VEX
    "F2C5E858C1, UD",
    "F0C5E858C1, UD",
    "C5E828C1, UD", // VMOVAPS with VEX.vvvv
    "C5F828C1, VMOVAPS",
    "C502, LDS", // ModRM names memory
    "C402, LES",
    "C4E37D0AC100, VROUNDSS", // VEX.L does not matter, but VEX.vvvv is the first source
    "C4E270F3C8, BLSR",
    "C4E274F3C8, UD", // BLSR with VEX.L
    "C4E27D90C1, UD", // VPGATHERDD without memory
    "C4E275900C10, VPGATHERDD",
    "C4E2759008, UD", // without SIB
    "C4E44D58C1, UD", // map 4
  })
  void vexPrefixesAreReadAsTheManualSays(String hex, String mnemonic) {
    assertThat(decode(decoder, hex, 4).row().mnemonic()).isEqualTo(mnemonic);
  }

  @Test
  void gathersRefuseRegistersThatAreTheSame() {
    assertThat(fault("C4E275900412")).as("all three differ").isEqualTo(-1);
    assertThat(fault("C4E27D900412")).as("mask is destination").isEqualTo(GuestFault.UD);
    assertThat(fault("C4E275900402")).as("index is destination").isEqualTo(GuestFault.UD);
  }

  @Test
  void aGatherThatFaultsKeepsWhatItHasDone() {
    cpu.limit[CpuState.DS] = OPERAND + 0xFF;
    bench.put(OPERAND + 4, 4, 0x77);
    cpu.xmm[2] = 4 | 0x1000L << 32;
    cpu.xmm[3] = 0;
    cpu.xmm[4] = -1;
    cpu.xmm[5] = -1;
    cpu.xmm[0] = cpu.xmm[1] = 0;
    assertThat(fault("C4E26990040A")).isEqualTo(GuestFault.GP);
    assertThat(cpu.xmm[0]).isEqualTo(0x77);
    assertThat(cpu.xmm[4]).as("mask").isEqualTo(0xFFFF_FFFF_0000_0000L);
  }

  @ParameterizedTest
  @CsvSource({
    "pentium2, 0F58C1, UD",
    "pentium3, 0F58C1, ADDPS",
    "pentium3, 660F58C1, UD",
    "pentium2, 0FE0C1, UD",
    "pentium3, 0FE0C1, PAVGB",
    "pentium4, 660F58C1, ADDPD",
    "pentium4, F30FB8C1, UD",
    "pentium4, F30FBCC1, BSF",
    "pentium4, C5E858C1, UD",
    "max, F30FBCC1, TZCNT",
    "max, C5E858C1, VADDPS",
  })
  void aModelHasTheInstructionsOfItsFeatures(String model, String hex, String mnemonic) {
    Decoder gated = new Decoder(Decoder.fullMap(), CpuModel.named(model).features());
    assertThat(decode(gated, hex, 4).row().mnemonic()).isEqualTo(mnemonic);
  }
}
