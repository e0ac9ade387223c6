package io.satchel.vm.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.vm.cpu.decode.Decoder;
import io.satchel.vm.cpu.decode.OpcodeMap.Row;
import io.satchel.vm.cpu.decode.OpcodeMap.Trait;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** No row of the opcode maps is without a case: against the host, or in a test that is named. */
class HostCoverageTests {

  /** What a user's program on the host cannot show, and where it is tested instead. */
  private static final Map<Set<String>, String> ELSEWHERE =
      Map.of(
          Set.of("RDRAND", "RDSEED", "CPUID", "RDPID", "RDTSC", "RDTSCP", "RDPMC"),
          "CpuidTests, MsrsTests",
          Set.of("XGETBV", "XSAVE", "XRSTOR", "XSAVEOPT", "XSAVEC"),
          "VectorRulesTests, kvm-unit-tests xsave",
          Set.of("SLDT", "STR", "SGDT", "SIDT", "SMSW", "INVPCID"),
          "SystemRegistersTests, kvm-unit-tests umip and pcid",
          Set.of("LAR", "LSL", "VERR", "VERW"),
          "SegmentsTests, test386.asm",
          Set.of("LES", "LDS", "LSS", "LFS", "LGS", "MOV", "POP"),
          "SegmentsTests, test386.asm",
          Set.of("CALL", "JMP", "RETF", "IRET", "INT", "INT1", "INT3", "INTO"),
          "FarTransfersTests, InterruptsTests, test386.asm",
          Set.of("SYSENTER", "SYSEXIT", "SYSCALL", "SYSRET"),
          "FastCallsTests, kvm-unit-tests syscall");

  private static final Set<String> USER =
      UserCodeHostTests.rows().stream()
          .filter(
              row ->
                  UserCodeHostTests.exemption(row, true) == null
                      || UserCodeHostTests.exemption(row, false) == null)
          .map(Row::toString)
          .collect(Collectors.toUnmodifiableSet());

  private static boolean againstTheHost(Row row) {
    boolean vector =
        !VectorHostTests.features(row).isEmpty()
            && !VectorHostTests.RANDOM.contains(row.mnemonic());
    boolean x87 =
        VectorHostTests.features(row).isEmpty()
            && (row.has(Trait.X87)
                || row.has(Trait.X87_NO_WAIT)
                || row.has(Trait.MMX)
                || row.mnemonic().equals("FWAIT"));
    return vector || x87 || USER.contains(row.toString());
  }

  @Test
  void everyRowHasACase() {
    Set<String> named =
        ELSEWHERE.keySet().stream().flatMap(Set::stream).collect(Collectors.toSet());
    List<Row> rows = Decoder.fullMap().rows();
    assertThat(rows).hasSizeGreaterThan(1_400);
    List<Row> missing =
        rows.stream()
            .filter(row -> !againstTheHost(row))
            .filter(row -> !named.contains(row.mnemonic()))
            .toList();
    assertThat(missing).isEmpty();
    assertThat(rows.stream().filter(row -> !againstTheHost(row)).count()).isLessThan(70);
  }
}
