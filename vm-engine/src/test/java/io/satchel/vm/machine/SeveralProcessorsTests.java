package io.satchel.vm.machine;

import static io.satchel.vm.machine.BootRig.config;
import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.vm.api.MachineConfig;
import io.satchel.vm.api.MachineConfig.Clock;
import io.satchel.vm.api.MachineEvents.End;
import io.satchel.vm.cpu.CpuState;
import java.io.IOException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Machines with two and more processors, by small programs: the first processor starts the others
 * at 8000h by INIT and start-up messages to all of them.
 */
class SeveralProcessorsTests {

  /**
   * Unreal mode, so that the local APIC can be reached: DS and ES keep a base of 0 and a limit of 4
   * GiB. Then the code at 7D00h is copied to 8000h.
   */
  private static final String FLAT =
      """
      FA 31 C0 8E D8 8E C0 8E D0 BC 00 70          cli; ds = es = ss = 0; sp = 7000h
      0F 01 16 40 7C                                lgdt [7C40h]
      0F 20 C0 0C 01 0F 22 C0                       cr0 |= PE
      BB 08 00 8E DB 8E C3                          ds = es = 8
      24 FE 0F 22 C0                                cr0 &= ~PE
      31 DB 8E DB 8E C3                             ds = es = 0
      BE 00 7D BF 00 80 B9 80 00 FC F3 A4           copy 128 bytes
      EB 1F                                         past the table
      """;

  /** At 7C40h: the table's pseudo-descriptor, a null descriptor, flat data; ends at 7C58h. */
  private static final String TABLE =
      "0F 00 48 7C 00 00 00 00 00 00 00 00 00 00 00 00 FF FF 00 00 00 92 CF 00";

  /** INIT, then a start-up message for page 8, to all but oneself. */
  private static final String START =
      """
      66 BE 00 03 E0 FE                             mov esi, FEE00300h
      67 66 C7 06 00 45 0C 00                       mov dword [esi], INIT
      67 66 C7 06 08 46 0C 00                       mov dword [esi], start-up, page 8
      """;

  private static String code(String text) {
    // What follows three blanks is a remark.
    return text.lines().map(line -> line.split(" {3}")[0]).reduce("", String::concat);
  }

  private static byte[] program(String first, String others) {
    byte[] image = new byte[512];
    put(image, 0, FLAT);
    put(image, 0x40, TABLE);
    put(image, 0x58, START + first);
    put(image, 0x100, others);
    return image;
  }

  private static void put(byte[] image, int offset, String text) {
    byte[] bytes = BootRig.bytes(code(text));
    System.arraycopy(bytes, 0, image, offset, bytes.length);
  }

  private static String hex(byte[] bytes) {
    return java.util.HexFormat.of().formatHex(bytes, 0, 510);
  }

  private static End run(MachineConfig config, String first, String others) throws IOException {
    BootRig rig = new BootRig();
    return rig.run(
        rig.machine(BootRig.withFloppy(config, BootRig.floppy(hex(program(first, others))))));
  }

  /** Adds 1 by {@code LOCK INC} 20,000 times; then counts itself out. */
  private static final String COUNT =
      """
      31 C0 8E D8                                   ds = 0
      66 B9 20 4E 00 00                             mov ecx, 20000
      F0 66 FF 06 00 60                             lock inc dword [6000h]
      66 49 75 F6                                   dec ecx; jnz
      F0 FE 06 04 60                                lock inc byte [6004h]
      F4 EB FD                                      hlt
      """;

  @ParameterizedTest
  @EnumSource(Clock.class)
  void lockedAdditionsOfFourProcessorsAreAllThere(Clock clock) throws IOException {
    End end =
        run(
            config().withClock(clock).withProcessors(4),
            """
            80 3E 04 60 03 75 F9                    cmp byte [6004h], 3; jne
            66 A1 00 60                             mov eax, [6000h]
            66 3D 60 EA 00 00                       cmp eax, 60000
            0F 94 C0 E6 F4 F4                       sete al; out F4h, al
            """,
            COUNT);
    assertThat(end.status()).isEqualTo(1 << 1 | 1);
  }

  @Test
  void aRunByCountedInstructionsRepeats() throws IOException {
    long[] instructions = new long[2];
    for (int i = 0; i < 2; i++) {
      BootRig rig = new BootRig();
      PcMachine machine =
          rig.machine(
              BootRig.withFloppy(
                  config().withProcessors(3),
                  BootRig.floppy(hex(program("80 3E 04 60 02 75 F9 E6 F4 F4", COUNT)))));
      rig.run(machine);
      instructions[i] = machine.status().instructions();
    }
    assertThat(instructions[0]).isEqualTo(instructions[1]).isGreaterThan(100_000);
  }

  @Test
  void aSpinlockKeepsTheOthersOut() throws IOException {
    // Each adds 1 five hundred times to a word that is not locked itself, behind a lock taken by
    // XCHG and given back by a plain store.
    End end =
        run(
            config().withProcessors(3),
            """
            80 3E 04 60 02 75 F9                    cmp byte [6004h], 2; jne
            81 3E 00 60 E8 03                       cmp word [6000h], 1000
            0F 94 C0 E6 F4 F4                       sete al; out F4h, al
            """,
            """
            31 C0 8E D8                             ds = 0
            B9 F4 01                                mov cx, 500
            B0 01 86 06 08 60                       mov al, 1; xchg al, [6008h]
            84 C0 75 F6                             test al, al; jnz
            A1 00 60 40 A3 00 60                    mov ax, [6000h]; inc ax; mov [6000h], ax
            C6 06 08 60 00                          mov byte [6008h], 0
            49 75 E7                                dec cx; jnz
            F0 FE 06 04 60 F4 EB FD                 lock inc byte [6004h]; hlt
            """);
    assertThat(end.status()).isEqualTo(1 << 1 | 1);
  }

  @Test
  void aStartUpMessageStartsAtItsPageWithTheApicIdOfTheProcessor() throws IOException {
    // CS is 800h; CPUID's initial APIC ID goes to 6000h, and ends the run.
    End end =
        run(
            config().withProcessors(2),
            "F4 EB FD",
            """
            8C C8 3D 00 08 75 10                    mov ax, cs; cmp ax, 800h
            66 B8 01 00 00 00 0F A2                 mov eax, 1; cpuid
            66 C1 EB 18 88 D8 E6 F4                 shr ebx, 24; mov al, bl; out F4h, al
            F4
            """);
    assertThat(end.status()).isEqualTo(1 << 1 | 1);
  }

  @Test
  void aFirmwareServiceAnswersTheProcessorThatCallsIt() throws IOException {
    End end =
        run(
            config().withProcessors(2),
            "F4 EB FD",
            """
            31 C0 8E D8 8E D0 BC 00 50              ds = ss = 0; sp = 5000h
            B4 88 CD 15 72 09                       mov ah, 88h; int 15h; jc
            85 C0 74 05                             test ax, ax; jz
            B0 01 E6 F4 F4                          mov al, 1; out F4h, al
            F4
            """);
    assertThat(end.status()).isEqualTo(1 << 1 | 1);
  }

  @Test
  void codeThatAnotherProcessorChangesIsExecutedAsChanged() throws IOException {
    // The other one runs "mov al, 1" at 8010h over and over until the first has made it 5.
    End end =
        run(
            config().withProcessors(2),
            """
            80 3E 00 60 01 75 F9                    cmp byte [6000h], 1; jne
            C6 06 11 80 05 EB FE                    mov byte [8011h], 5; jmp $
            """,
            """
            31 C0 8E D8 EB 0A                       ds = 0; jmp 8010h
            90 90 90 90 90 90 90 90 90 90
            B0 01 A2 00 60 3C 05 75 F7              mov al, 1; mov [6000h], al; cmp al, 5; jne
            E6 F4 F4                                out F4h, al
            """);
    assertThat(end.status()).isEqualTo(5 << 1 | 1);
  }

  @Test
  void initPutsAStartedProcessorBackToWaiting() throws IOException {
    BootRig rig = new BootRig();
    PcMachine machine =
        rig.machine(
            BootRig.withFloppy(
                config().withProcessors(2),
                BootRig.floppy(
                    hex(
                        program(
                            """
                            80 3E 00 60 01 75 F9            cmp byte [6000h], 1; jne
                            67 66 C7 06 00 45 0C 00         mov dword [esi], INIT
                            B9 FF FF E2 FE                  wait for many turns
                            C6 06 00 60 02 B9 FF FF E2 FE   mov byte [6000h], 2; wait
                            A0 00 60 E6 F4 F4               out F4h, [6000h]
                            """,
                            """
                            31 C0 8E D8 B0 01               ds = 0
                            A2 00 60 EB FB                  mov [6000h], al over and over
                            """)))));
    assertThat(rig.run(machine).status()).isEqualTo(2 << 1 | 1);
    assertThat(machine.cpu().apicBase & 1 << 8).isNotZero();
  }

  @Test
  void theOthersWaitAfterReset() throws IOException {
    BootRig rig = new BootRig();
    PcMachine machine =
        rig.machine(
            BootRig.withFloppy(config().withProcessors(8), BootRig.floppy("B0 03 E6 F4 F4")));
    CpuState first = machine.cpu();
    assertThat(rig.run(machine).status()).isEqualTo(3 << 1 | 1);
    assertThat(machine.status().instructions()).isEqualTo(first.instructions);
  }
}
