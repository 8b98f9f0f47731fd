// Brings levels of values to the lanes, chunk by chunk in the order of the values' beats: for each
// set of dimensions and fold of queries all chunks of a head. A chunk's rows are gathered one a
// cycle. Sixteen chunks have a place in the lanes, used in turn.
module level_feed #(
  localparam int unsigned AddressW = kv_pkg::AddressW,
  localparam int unsigned FoldsW   = ctrl_pkg::FoldsW,
  localparam int unsigned SetsW    = ctrl_pkg::SetsW,
  localparam int unsigned RowW     = kv_pkg::ChunkRowsW
) (
  input  logic                clk_i,
  input  logic                rst_ni,
  input  logic                start_i,       // a head; only if ready_o
  output logic                ready_o,
  input  ctrl_pkg::cache_t    cache_i,
  // Reads: what comes a cycle later is of the same row and chunk.
  output logic [AddressW-1:0] block_o,
  output logic [AddressW-1:0] factor_o,
  // With what comes.
  output logic                gather_o,
  output logic [RowW-1:0]     row_o,
  output logic [SetsW-1:0]    set_o,
  // A cycle after the chunk's last row, while nothing else is written.
  input  logic                hold_i,        // something is
  output logic                we_o,
  output logic [3:0]          place_o,
  // Places that are filled, for beats from the next cycle on; that a beat used.
  output logic                filled_o,
  input  logic                freed_i
);
  localparam int unsigned Places = 16;
  localparam int unsigned FreeDelay = 10;  // places are not written while beats may use them

  // Heads follow each other in the rings.
  logic [AddressW-1:0] base_q, factor_base_q;
  logic                is_last;

  // Where it is.
  logic                busy_q, goes, ends_rows, ends_chunks, ends_folds, ends_sets;
  logic [RowW-1:0]     row_q;
  logic [AddressW-1:0] chunk_q, block_q, factor_q;
  logic [FoldsW-1:0]   fold_q;
  logic [SetsW-1:0]    set_q;
  logic [4:0]          room_q;
  assign ready_o     = !busy_q;
  assign ends_rows   = SetsW'(row_q) == cache_i.sets - 1'b1;
  assign ends_chunks = ends_rows && chunk_q == cache_i.chunks - 1'b1;
  assign ends_folds  = ends_chunks && fold_q == cache_i.folds - 1'b1;
  assign ends_sets   = ends_folds && set_q == cache_i.sets - 1'b1;
  assign goes        = busy_q && !hold_i && (row_q != '0 || room_q != '0);
  assign is_last     = goes && ends_sets;

  logic freed, unused_freed;
  pipe_valid #(.Width(1), .Stages(FreeDelay)) u_free (
    .clk_i, .rst_ni, .en_i(1'b1), .valid_i(freed_i), .data_i(1'b0), .valid_o(freed),
    .data_o(unused_freed)
  );
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      busy_q        <= 1'b0;
      room_q        <= 5'(Places);
      base_q        <= '0;
      factor_base_q <= '0;
    end else begin
      if (start_i) busy_q <= 1'b1;
      else if (is_last) busy_q <= 1'b0;
      room_q <= room_q + 5'(freed) - 5'(goes && row_q == '0);
      if (is_last) begin
        base_q        <= base_q + cache_i.blocks;
        factor_base_q <= factor_base_q + cache_i.factors;
      end
    end
    if (start_i) begin
      row_q    <= '0;
      chunk_q  <= '0;
      fold_q   <= '0;
      set_q    <= '0;
      block_q  <= base_q;
      factor_q <= factor_base_q;
    end else if (goes) begin
      row_q   <= ends_rows ? '0 : row_q + 1'b1;
      block_q <= block_q + AddressW'(cache_i.folds);
      if (ends_rows) begin
        chunk_q  <= ends_chunks ? '0 : chunk_q + 1'b1;
        factor_q <= factor_q + AddressW'(cache_i.folds);
      end
      if (ends_chunks) begin
        fold_q   <= ends_folds ? '0 : fold_q + 1'b1;
        block_q  <= base_q + (ends_folds ? '0 : AddressW'(fold_q) + 1'b1);
        factor_q <= factor_base_q + (ends_folds ? '0 : AddressW'(fold_q) + 1'b1);
      end
      if (ends_folds) set_q <= set_q + 1'b1;
    end
  end

  // What is read comes; then its chunk may be complete. Both stand still while something else is
  // written.
  logic                comes_q, is_chunk_q, complete_q;
  logic [AddressW-1:0] held_block_q, held_factor_q;
  assign block_o  = hold_i ? held_block_q : block_q;
  assign factor_o = hold_i ? held_factor_q : factor_q;
  assign gather_o = comes_q && !hold_i;
  assign we_o     = complete_q && !hold_i;
  assign filled_o = we_o;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      comes_q    <= 1'b0;
      complete_q <= 1'b0;
      place_o    <= '0;
    end else if (!hold_i) begin
      comes_q    <= goes;
      complete_q <= comes_q && is_chunk_q;
      place_o    <= place_o + 4'(we_o);
    end
    if (!hold_i) begin
      row_o         <= row_q;
      set_o         <= set_q;
      is_chunk_q    <= ends_rows;
      held_block_q  <= block_q;
      held_factor_q <= factor_q;
    end
  end

`ifdef FORMAL
  // A place is not written while beats may use it: those of the 12 cycles before, as the lanes get
  // what is written a cycle later (rce_lane). Beats use places that are filled (attend_walker).
  localparam int unsigned Uses = 12;
  logic started_q = 1'b0;
  ctrl_pkg::cache_t cache_q;
  logic [Uses-1:0] used_q;       // beats of the cycles before, the last one first
  logic [4:0]      filled_q;     // places that beats will use
  logic            is_complete;  // what comes is a chunk's last row
  logic [1:0]      on_way;       // chunks that have a place, and are not there
  logic [4:0]      used, used_long, used_longer;  // in the last 10, 11, 12 cycles
  assign is_complete = comes_q && is_chunk_q;
  assign on_way      = 2'(busy_q && row_q != '0) + 2'(is_complete) + 2'(complete_q);
  always_comb begin
    used = '0;
    for (int unsigned i = 0; i < Uses - 2; i++) used = used + 5'(used_q[i]);
    used_long   = used + 5'(used_q[Uses-2]);
    used_longer = used_long + 5'(used_q[Uses-1]);
  end
  always_ff @(posedge clk_i) begin
    started_q <= 1'b1;
    cache_q   <= cache_i;
    if (!rst_ni) begin
      used_q   <= '0;
      filled_q <= '0;
    end else begin
      used_q   <= {used_q[Uses-2:0], freed_i};
      filled_q <= filled_q + 5'(filled_o) - 5'(freed_i);
    end
  end
  always_comb begin
    assume (cache_i.sets != '0 && cache_i.chunks != '0 && cache_i.folds != '0);
    if (!started_q) assume (!rst_ni);
    if (started_q) begin
      assume (cache_i == cache_q);
      assume (!start_i || ready_o);
      assume (!freed_i || filled_q != '0);
      assert (6'(room_q) + 6'(on_way) + 6'(filled_q) + 6'(used) == 6'(Places));
      if (busy_q) assert (SetsW'(row_q) < cache_i.sets);
      if (is_complete) assert (6'(complete_q) + 6'(filled_q) + 6'(used_long) < 6'(Places));
      if (complete_q) assert (6'(filled_q) + 6'(used_longer) < 6'(Places));
    end
  end
`endif

  logic unused;
  assign unused = ^cache_i;
endmodule
