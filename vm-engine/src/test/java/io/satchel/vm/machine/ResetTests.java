package io.satchel.vm.machine;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.vm.api.MachineEvents.Cause;
import io.satchel.vm.api.MachineEvents.End;
import io.satchel.vm.host.MemoryDisk;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Every way to reset a PC, from a boot sector. It sets the UART's interrupt enables, which only a
 * reset of the board clears, and CMOS 40h, which survives that.
 */
class ResetTests {

  private static final String BY_KEYBOARD_CONTROLLER = "B0FE E664"; // out 64h, FEh
  private static final String BY_PORT_92 = "E492 24FE E692 0C01 E692"; // bit 0 off, then on
  private static final String BY_CF9 = "BAF90C B000 EE B004 EE"; // without bit 1
  private static final String BY_CF9_HARD = "BAF90C B002 EE B006 EE";
  private static final String BY_EMPTY_TABLE = "0F011E 147C CC"; // lidt [7C14h], six zeros; int3

  /** To the report, with what is wanted at 40:67. */
  private static final int REPORT = 0x7C80;

  private static final int BLOCK_MOVE_FRAME = 0x7CA0;
  private static final int INTERRUPT_FRAME = 0x7CB4;

  private static MemoryDisk program(int shutdown, int resume, String trigger) {
    MemoryDisk disk =
        BootRig.floppy(
            """
            FA 31C0 8ED8 8ED0 BC007C
            B040 E670 E471 3C4D EB08 00000000 00000000
            75 03 E9 %s
            B040 E670 B04D E671
            BAF903 B005 EE
            C7066704 %s C70669040000
            B00F E670 B0 %02X E671
            """
                    .formatted(le(REPORT - 0x7C21), le(resume), shutdown)
                + trigger
                + "EBFE");
    // The report: the UART's interrupt enables as a digit, then the end.
    put(disk, REPORT, "BAF903 EC 0430 E6E9 E6F4 EBFE");
    // SS:SP of the block move's end: DS, ES, eight registers; IP, CS and flags as IRET takes them.
    put(disk, INTERRUPT_FRAME, le(REPORT) + "0000 0200");
    return disk;
  }

  private static void put(MemoryDisk disk, int address, String hex) {
    byte[] code = BootRig.bytes(hex);
    System.arraycopy(code, 0, disk.bytes, address - 0x7C00, code.length);
  }

  private static String le(int word) {
    return "%02X%02X".formatted(word & 0xFF, word >>> 8 & 0xFF);
  }

  private static String report(int shutdown, int resume, String trigger) throws Exception {
    BootRig rig = new BootRig();
    End end =
        rig.run(
            rig.machine(BootRig.withFloppy(BootRig.config(), program(shutdown, resume, trigger))));
    assertThat(end.cause()).as(end.message()).isEqualTo(Cause.EXIT_PORT);
    return rig.text.toString();
  }

  @ParameterizedTest
  @ValueSource(strings = {BY_KEYBOARD_CONTROLLER, BY_PORT_92, BY_CF9, BY_EMPTY_TABLE})
  void aProgramThatLeavesProtectedModeByAResetGoesOnWithItsDevicesUntouched(String trigger)
      throws Exception {
    assertThat(report(0x0A, REPORT, trigger)).isEqualTo("5");
    assertThat(report(0x05, REPORT, trigger)).isEqualTo("5");
  }

  @ParameterizedTest
  @CsvSource({"9, 7CA0", "11, 7CB4", "12, 7CB4"})
  void aProgramGoesOnByTheStackItLeft(int shutdown, String resume) throws Exception {
    int at = Integer.parseInt(resume, 16);
    assertThat(List.of(BLOCK_MOVE_FRAME, INTERRUPT_FRAME)).contains(at);
    assertThat(report(shutdown, at, BY_KEYBOARD_CONTROLLER)).isEqualTo("5");
  }

  @ParameterizedTest
  @ValueSource(strings = {BY_KEYBOARD_CONTROLLER, BY_PORT_92, BY_CF9, BY_CF9_HARD, BY_EMPTY_TABLE})
  void withoutAWayBackTheWholeBoardIsReset(String trigger) throws Exception {
    assertThat(report(0, REPORT, trigger)).isEqualTo("0");
  }

  @Test
  void portCf9ResetsTheBoardWhateverCmosSays() throws Exception {
    assertThat(report(0x0A, REPORT, BY_CF9_HARD)).isEqualTo("0");
  }

  @Test
  void theResetButtonResetsTheBoard() throws Exception {
    BootRig rig = new BootRig();
    MemoryDisk disk = program(0, REPORT, "E6E9");
    PcMachine machine = rig.machine(BootRig.withFloppy(BootRig.config(), disk));
    rig.onText =
        () -> {
          if (rig.text.length() == 1) {
            machine.reset();
          }
        };
    assertThat(rig.run(machine).cause()).isEqualTo(Cause.EXIT_PORT);
    assertThat(rig.text.toString()).endsWith("0");
  }

  @Test
  void aCrashedProcessorEndsTheRunAndSaysWhere() throws Exception {
    BootRig rig = new BootRig();
    // lidt: a table that is not empty but does not reach vector 3; then int3 at 7C07h.
    MemoryDisk disk = BootRig.floppy("FA 0F011E 107C CC F4 0000000000000000 0100 00000000");
    End end = rig.run(rig.machine(BootRig.withFloppy(BootRig.config(), disk)));
    assertThat(end.cause()).isEqualTo(Cause.TRIPLE_FAULT);
    assertThat(end.status()).isEqualTo(1);
    assertThat(end.message()).contains("0000:00007c06");
  }
}
