package io.satchel.house;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** The arrows between modules and packages, as docs/ARCHITECTURE.md draws them. */
class ArchitectureTest {

  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(new ImportOption.DoNotIncludeTests())
          .importPackages("io.satchel");

  @Test
  void theScanSawTheRealClasses() {
    assertThat(CLASSES.size()).isGreaterThan(150);
    for (String name :
        List.of(
            "io.satchel.image.block.BlockDevice",
            "io.satchel.vm.machine.PcMachine",
            "io.satchel.vm.cpu.CpuState",
            "io.satchel.app.launch.Main")) {
      assertThat(CLASSES.contain(name)).as(name).isTrue();
    }
  }

  @Test
  void imageToolsKnowNothingOfTheMachineOrTheWindow() {
    noClasses()
        .that()
        .resideInAPackage("io.satchel.image..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(
            "io.satchel.vm..", "io.satchel.app..", "io.satchel.resources..", "javafx..")
        .because("image-tools is a product of its own")
        .check(CLASSES);
  }

  @Test
  void theEngineKnowsNothingOfTheWindow() {
    noClasses()
        .that()
        .resideInAPackage("io.satchel.vm..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("io.satchel.app..", "io.satchel.resources..", "javafx..", "java.awt..")
        .because("the engine can be used as a library, without a display")
        .check(CLASSES);
  }

  @Test
  void theWindowSeesOnlyTheEnginesFace() {
    noClasses()
        .that()
        .resideInAPackage("io.satchel.app..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(
            "io.satchel.vm.cpu..",
            "io.satchel.vm.memory..",
            "io.satchel.vm.bus..",
            "io.satchel.vm.device..",
            "io.satchel.vm.firmware..",
            "io.satchel.vm.accel..")
        .because("api, host and the machine's factory are what a program sees of the engine")
        .check(CLASSES);
  }

  @Test
  void theInterpreterAndTheTranslatorNeverMeet() {
    noClasses()
        .that()
        .resideInAPackage("io.satchel.vm.cpu.interpret..")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("io.satchel.vm.cpu.translate..")
        .because("both stand on the one description of each instruction")
        .allowEmptyShould(true)
        .check(CLASSES);
  }

  @Test
  void devicesDoNotKnowTheProcessorsInnards() {
    noClasses()
        .that()
        .resideInAPackage("io.satchel.vm.device..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(
            "io.satchel.vm.cpu.decode..",
            "io.satchel.vm.cpu.semantics..",
            "io.satchel.vm.cpu.interpret..",
            "io.satchel.vm.machine..",
            "io.satchel.vm.firmware..")
        .because("a device is a file that could be plugged into another board")
        .check(CLASSES);
  }

  @Test
  void noUnsafeAnywhere() {
    noClasses()
        .should()
        .dependOnClassesThat()
        .haveFullyQualifiedName("sun.misc.Unsafe")
        .because("one bad address would take the whole program down")
        .check(CLASSES);
  }

  @Test
  void whatGoesWrongInTheProgramHasItsSentenceInBothLanguages() {
    noClasses()
        .that()
        .resideInAPackage("io.satchel.app..")
        .and()
        .doNotHaveFullyQualifiedName("io.satchel.app.common.Problem")
        .should()
        .callConstructor(IOException.class, String.class)
        .orShould()
        .callConstructor(IOException.class, String.class, Throwable.class)
        .because("a Problem has a key, and so a sentence for every reader")
        .check(CLASSES);
  }

  @Test
  void packagesOfTheEngineHaveNoCycles() {
    slices().matching("io.satchel.vm.(*)..").should().beFreeOfCycles().check(CLASSES);
  }

  @Test
  void everyPackageIsNullMarked() throws IOException {
    Set<Path> missing = new TreeSet<>();
    List<Path> seen = new ArrayList<>();
    for (Path file : SourceTree.javaFiles()) {
      Path folder = file.getParent();
      if (folder == null
          || !folder
              .toString()
              .contains("src/main/java".replace('/', java.io.File.separatorChar))) {
        continue;
      }
      seen.add(folder);
      Path info = folder.resolve("package-info.java");
      if (!Files.exists(info) || !Files.readString(info).contains("@NullMarked")) {
        missing.add(SourceTree.root().relativize(folder));
      }
    }
    assertThat(seen).hasSizeGreaterThan(100);
    assertThat(missing).isEmpty();
  }
}
