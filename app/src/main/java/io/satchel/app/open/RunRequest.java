package io.satchel.app.open;

import io.satchel.image.Answers;
import io.satchel.vm.api.MachineConfig.BootDevice;
import io.satchel.vm.api.MachineConfig.Clock;
import io.satchel.vm.api.MachineConfig.Speed;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a person asked to run: files and choices, nothing opened yet.
 *
 * @param image what to start from; its content decides which drive it goes into
 * @param bootOrder empty to start from what was picked
 * @param overlay where the image's changes are kept; {@code null} to throw them away at the end
 * @param speed what the processors are held to
 * @param pflash firmware in flash memory; {@code null} for none
 * @param pflashVariables its variables, of which the run writes a copy
 * @param write whether the image itself is written to
 * @param answers what was answered to questions that the images raised
 */
public record RunRequest(
    @Nullable Path image,
    List<Path> disks,
    @Nullable Path cdrom,
    List<Path> floppies,
    int memoryMib,
    String cpuModel,
    List<BootDevice> bootOrder,
    boolean bootMenu,
    @Nullable Path kernel,
    String kernelArguments,
    @Nullable Path initrd,
    @Nullable Path bios,
    @Nullable Path vgaBios,
    @Nullable Path overlay,
    boolean write,
    Clock clock,
    @Nullable LocalDateTime date,
    boolean exitPort,
    int processors,
    Speed speed,
    @Nullable Path pflash,
    @Nullable Path pflashVariables,
    Answers answers) {

  public RunRequest {
    disks = List.copyOf(disks);
    floppies = List.copyOf(floppies);
    bootOrder = List.copyOf(bootOrder);
  }

  /** The usual machine for one image. */
  public static RunRequest of(Path image) {
    return new RunRequest(
        image,
        List.of(),
        null,
        List.of(),
        256,
        "pentium3",
        List.of(),
        false,
        null,
        "",
        null,
        null,
        null,
        null,
        false,
        Clock.HOST,
        null,
        false,
        1,
        Speed.FULL,
        null,
        null,
        Answers.none());
  }

  /** The same, with changes kept in {@code file}. */
  public RunRequest withOverlay(Path file) {
    return with(memoryMib, cpuModel, file, answers);
  }

  /** The same with other hardware. */
  public RunRequest withHardware(int memory, String model) {
    return with(memory, model, overlay, answers);
  }

  /** The same with what was answered to questions that the images raised. */
  public RunRequest withAnswers(Answers given) {
    return with(memoryMib, cpuModel, overlay, given);
  }

  private RunRequest with(int memory, String model, @Nullable Path changes, Answers given) {
    return new RunRequest(
        image,
        disks,
        cdrom,
        floppies,
        memory,
        model,
        bootOrder,
        bootMenu,
        kernel,
        kernelArguments,
        initrd,
        bios,
        vgaBios,
        changes,
        write,
        clock,
        date,
        exitPort,
        processors,
        speed,
        pflash,
        pflashVariables,
        given);
  }
}
