// Control: what its parts tell each other of a program. See docs/reference/rtl-ctrl.md.
package ctrl_pkg;
  localparam int unsigned MaxInstructions = 1024;
  localparam int unsigned IndexW = 10;   // of an instruction
  localparam int unsigned SizeW = 27;    // of a vector: at most 2^26 floats
  localparam int unsigned RoundW = 23;   // of a vector's rounds: a tile in every lane
  localparam int unsigned BlocksW = 8;   // of an activation buffer's blocks
  localparam int unsigned UnitW = 12;    // of a bank's units: a tile of every slot
  localparam int unsigned StripesW = 28; // of a run of stripes
  localparam int unsigned TokensW = 5;   // of a pass's tokens

  // Places of vectors; the first six are accllm_pkg::vector_e.
  localparam int unsigned Places = 8;
  localparam int unsigned PlaceW = 3;
  localparam logic [PlaceW-1:0] PlaceScratch = 3'd6;  // of norms
  localparam logic [PlaceW-1:0] PlaceOutput  = 3'd7;  // in memory alone

  // What an instruction is to the walkers.
  localparam int unsigned StepW = 94;
  typedef struct packed {
    logic [IndexW-1:0]  index;
    logic [2:0]         opcode;      // an accllm_pkg::opcode_e
    logic [1:0]         format;      // an accllm_pkg::weight_format_e
    logic [1:0]         epilogue;    // an accllm_pkg::epilogue_e
    logic [PlaceW-1:0]  place;       // source of norm and quantize, else destination
    logic               buffer;      // of activations
    logic               has_bias;
    logic [BlocksW-1:0] blocks;
    logic [31:0]        address;     // of store-kv and attend: the layer's keys
    logic [31:0]        parameter_;  // the same: its values
  } step_t;

  // What a geometry means for a machine, by place.
  localparam int unsigned ShapeW = Places * (SizeW + RoundW + BlocksW + UnitW);
  typedef struct packed {
    logic [Places*SizeW-1:0]   sizes;
    logic [Places*RoundW-1:0]  rounds;
    logic [Places*BlocksW-1:0] blocks;
    logic [Places*UnitW-1:0]   bases;
  } shape_t;

  // Of a place: a multiplexer, where yosys makes a shifter of a selection by a product.
  function automatic logic [SizeW-1:0] size_at(logic [Places*SizeW-1:0] all,
                                               logic [PlaceW-1:0] place);
    size_at = '0;
    for (int unsigned i = 0; i < Places; i++) begin
      if (place == PlaceW'(i)) size_at = all[SizeW*i +: SizeW];
    end
  endfunction
  function automatic logic [RoundW-1:0] rounds_at(logic [Places*RoundW-1:0] all,
                                                  logic [PlaceW-1:0] place);
    rounds_at = '0;
    for (int unsigned i = 0; i < Places; i++) begin
      if (place == PlaceW'(i)) rounds_at = all[RoundW*i +: RoundW];
    end
  endfunction
  function automatic logic [BlocksW-1:0] blocks_at(logic [Places*BlocksW-1:0] all,
                                                   logic [PlaceW-1:0] place);
    blocks_at = '0;
    for (int unsigned i = 0; i < Places; i++) begin
      if (place == PlaceW'(i)) blocks_at = all[BlocksW*i +: BlocksW];
    end
  endfunction
  function automatic logic [UnitW-1:0] base_at(logic [Places*UnitW-1:0] all,
                                               logic [PlaceW-1:0] place);
    base_at = '0;
    for (int unsigned i = 0; i < Places; i++) begin
      if (place == PlaceW'(i)) base_at = all[UnitW*i +: UnitW];
    end
  endfunction

  // A pass.
  localparam int unsigned PassW = 2 * TokensW + 160;
  typedef struct packed {
    logic [TokensW-1:0] n_tokens;
    logic [TokensW-1:0] n_outputs;
    logic [63:0]        position;
    logic [31:0]        input_address;
    logic [31:0]        rope_address;
    logic [31:0]        output_address;
  } pass_t;

  // What geometry and pass mean for attention. Rows are beats of keys of a lane, chunks 32 slots;
  // those of a head that a pass reads, from the first on. Queries are those of a KV head, folds of
  // them what the engine takes at once.
  localparam int unsigned SlotW = 22;   // those of kv_pkg
  localparam int unsigned AddressW = 12;
  localparam int unsigned HeadsW = 13;  // counts KV heads: at most 4096
  localparam int unsigned FoldsW = 3;
  localparam int unsigned SetsW  = 5;   // of four dimensions of each lane
  localparam int unsigned CacheW = 2 + HeadsW + 2 * 5 + FoldsW + SetsW + 4 * SlotW + 64
                                   + 6 * AddressW;
  typedef struct packed {
    logic                        fits;    // the machine can do it
    logic                        split;   // heads of 64 dimensions, else of 128
    logic [HeadsW-1:0]           heads;   // KV heads
    logic [4:0]                  ratio;   // query heads of each
    logic [4:0]                  queries;
    logic [FoldsW-1:0]           folds;
    logic [SetsW-1:0]            sets;    // and rows of a chunk, which are as many
    logic [SlotW-1:0]    sink_slots;
    logic [SlotW-1:0]    ring_slots;
    logic [SlotW-1:0]    end_slot;
    logic [SlotW-1:0]    all_chunks;     // of the cache
    logic [31:0]                 key_stripes;    // of a head
    logic [31:0]                 value_stripes;  // the same
    logic [AddressW-1:0] chunks;
    logic [AddressW-1:0] rows;
    logic [AddressW-1:0] sink_rows;
    logic [AddressW-1:0] scores;  // of a head in a lane
    logic [AddressW-1:0] blocks;  // of levels: rows times folds
    logic [AddressW-1:0] factors; // chunks times folds
  } cache_t;
endpackage
