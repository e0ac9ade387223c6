package io.satchel.vm.firmware;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AcpiTablesTests {

  private static final long BASE = 0x0FFF_0000L;

  private final AcpiTables acpi = new AcpiTables(BASE, BASE + 0xF000, 1);

  private static int little(byte[] bytes, long at) {
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getInt((int) at);
  }

  private byte[] tableAt(long address) {
    int from = (int) (address - BASE);
    return Arrays.copyOfRange(acpi.tables, from, from + little(acpi.tables, from + 4));
  }

  private static String signature(byte[] table) {
    return new String(table, 0, 4, StandardCharsets.US_ASCII);
  }

  @Test
  void rootPointerHasBothChecksums() {
    assertThat(Checksums.sum(acpi.rsdp, 0, 20)).isZero();
    assertThat(Checksums.sum(acpi.rsdp, 0, 36)).isZero();
  }

  @Test
  void rootTableListsTablesWithRightChecksums() {
    byte[] rsdt = tableAt(little(acpi.rsdp, 16));
    assertThat(signature(rsdt)).isEqualTo("RSDT");
    assertThat(Checksums.sum(rsdt, 0, rsdt.length)).isZero();
    StringBuilder found = new StringBuilder();
    for (int at = 36; at < rsdt.length; at += 4) {
      byte[] table = tableAt(little(rsdt, at));
      assertThat(Checksums.sum(table, 0, table.length)).as(signature(table)).isZero();
      found.append(signature(table)).append(' ');
    }
    assertThat(found.toString()).isEqualTo("FACP APIC HPET ");
  }

  @Test
  void extendedRootTableListsTheSame() {
    byte[] rsdt = tableAt(little(acpi.rsdp, 16));
    byte[] xsdt = tableAt(little(acpi.rsdp, 24));
    assertThat(signature(xsdt)).isEqualTo("XSDT");
    for (int i = 0; i < (rsdt.length - 36) / 4; i++) {
      assertThat(little(xsdt, 36 + 8L * i)).isEqualTo(little(rsdt, 36 + 4L * i));
    }
  }

  @Test
  void compilerAcceptsTheDisassembledDsdt(@TempDir Path folder) throws Exception {
    byte[] rsdt = tableAt(little(acpi.rsdp, 16));
    byte[] fadt = tableAt(little(rsdt, 36));
    Files.write(folder.resolve("dsdt.aml"), tableAt(little(fadt, 40)));
    iasl(folder, "-d", "dsdt.aml");
    String source = Files.readString(folder.resolve("dsdt.dsl"));
    assertThat(source).contains("PNP0C0F", "_PRT", "_SRS", "PNP0303", "PNP0700");
    String compiled = iasl(folder, "-p", "again", "dsdt.dsl");
    assertThat(compiled).contains("Compilation successful. 0 Errors");
  }

  private static String iasl(Path folder, String... arguments) throws Exception {
    Process process;
    try {
      String[] command = new String[arguments.length + 1];
      command[0] = "iasl";
      System.arraycopy(arguments, 0, command, 1, arguments.length);
      process =
          new ProcessBuilder(command).directory(folder.toFile()).redirectErrorStream(true).start();
    } catch (IOException _) {
      assumeTrue(false, "iasl is not installed (Debian: acpica-tools)");
      throw new AssertionError("not reached");
    }
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(30, TimeUnit.SECONDS)).as("iasl ends").isTrue();
    assertThat(process.exitValue()).as(output).isZero();
    return output;
  }
}
