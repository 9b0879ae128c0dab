# The one door to building and checking; CI goes through the same one.

.PHONY: demo show bench guard test recombine lint format proto reference prerequisites

swift_sources = find Package.swift Sources Tests -name '*.swift' ! -name '*.pb.swift' -print0

# A site, a DMZ and headquarters on this machine: real files cross them, and every one is compared.
# DEMO="DIR --keep" leaves the mesh running.
demo: prerequisites
	swift build -c release --product tributary
	"$$(swift build -c release --show-bin-path)/tributary" demo $(DEMO)

test: prerequisites
	swift build --build-tests
	Tests/run.sh

# Another program on two of our products, as somebody else would write it: built and run. It
# shares the build directory, so that what was built for the tests is not built again.
recombine: prerequisites
	[ ! -e Package.resolved ] || cp Package.resolved Tests/Recombine/
	swift build --package-path Tests/Recombine --scratch-path .build
	Tests/Recombine/run.sh "$$(swift build --package-path Tests/Recombine --scratch-path .build --show-bin-path)/Recombine"

# Some of the tests, with a release build and in full size: gigabytes, fifty kills, slow lines.
# Files and spools lie in TMPDIR; 45 GiB are needed.
show: prerequisites
	swift build -c release --product tributary
	swift build --build-tests
	Tests/Shows/run.sh "$$(swift build -c release --show-bin-path)/tributary"

# Beside rsync, Syncthing, NNCP and restic; hours in full size. docs/benchmarks.md has the settings.
bench:
	@docker/prerequisites.sh bench
	swift build -c release --product tributary
	Tests/Benchmarks/run --json .build/benchmarks.json $(BENCH)

# Instructions of the hot loops, beside those in Tests/Benchmarks/instructions.json; WRITE=1 writes
# them down.
guard:
	@docker/prerequisites.sh guard
	swift build -c release --product HotLoops
	Tests/Benchmarks/guard "$$(swift build -c release --show-bin-path)/HotLoops" $(if $(WRITE),--write)

lint:
	$(swift_sources) | xargs -0 swift format lint --strict --parallel --configuration .swift-format

format:
	$(swift_sources) | xargs -0 swift format --in-place --parallel --configuration .swift-format

prerequisites:
	@docker/prerequisites.sh

# Generated code is committed, so that only those who change a schema need protoc.
proto:
	@docker/prerequisites.sh proto
	swift build --product protoc-gen-swift
	for dir in Sources/MeshIdentity Sources/MeshTopology Sources/MeshProtocol Sources/MeshSpool; do \
		protoc --plugin=.build/debug/protoc-gen-swift --proto_path=$$dir --swift_out=$$dir \
			--swift_opt=Visibility=Package,UseAccessLevelOnImports=true,FileNaming=DropPath $$dir/*.proto; \
	done

# The tables and reports in docs/reference, and the JSON Schema of topologies, from the code.
reference:
	swift build --build-tests
	TRIBUTARY_WRITE_REFERENCE=1 swift test --skip-build --filter 'ReferenceTests|FindingsPageTests'
